"""The stack of a sandbox. In: an OIN and a receiver's address. Out: a sandbox whose system has subscribed.

Without an address the stack's own simulated LAS is the receiver. What the supplier needs to know stands in
`sandbox.json` of the data folder, which only this user may read.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from hub.clock import now
from hub.demo.fill import API_SECONDS, OTHER, SAMPLE
from hub.demo.sandbox import Sandbox, SandboxReceiver, choose_branched
from hub.demo.schools import DemoSystem, read_schools, write_systems
from hub.demo.stage import DemoEnvironment
from hub.domain.signing import format_secret, parse_secret
from hub.embedded.options import LAS_OIN
from hub.embedded.paths import write_private
from hub.embedded.stack import Stack
from hub.outbound import Outbound
from hub.outbound.reqwest import open_api_client
from hub.sealing import seal
from hub.settings import load
from hub.simulators.hub import HubClient
from hub.store import subscriptions
from hub.store.connections import connect
from hub.store.notifications import notify

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hub.embedded.options import StackOptions
    from hub.settings import Settings

NAME = "Sandbox"


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxRequest:
    """Whose sandbox it is: its OIN, its address (none: the simulated LAS), and a secret that it knows already."""

    oin: str = LAS_OIN
    url: str | None = None
    secret: bytes | None = field(default=None, repr=False)
    reports: bool = True
    file: Path = SAMPLE


@asynccontextmanager
async def running_sandbox(options: StackOptions, request: SandboxRequest) -> AsyncIterator[Sandbox]:
    """Run a stack, import real schools and the systems, and subscribe the supplier's.

    Raises `HubApiError` when the receiver does not consent.
    """
    async with Stack(options) as stack, open_api_client(stack.connection["api"], API_SECONDS) as client:
        environment = DemoEnvironment(stack=stack, client=client)
        settings = load({**stack.connection["environment"]})
        await _import(environment, request)
        receiver = await _subscribe(environment, request, settings)
        _write_facts(environment, receiver)
        async with Outbound(settings.webhook) as outbound:
            schools = choose_branched(read_schools(request.file.read_bytes()))
            yield Sandbox(environment=environment, receiver=receiver, outbound=outbound, schools=schools)


async def _import(environment: DemoEnvironment, request: SandboxRequest) -> None:
    path = environment.stack.data.root / "sandbox-systems.csv"
    write_systems(path, (DemoSystem(oin=request.oin, name=NAME), OTHER))
    await environment.done("import", "schools", str(request.file), "--part")
    await environment.done("import", "systems", str(path))


async def _subscribe(environment: DemoEnvironment, request: SandboxRequest, settings: Settings) -> SandboxReceiver:
    if request.url is None:
        return await _simulated(environment, request.oin)
    body = {"url": request.url, "services": ["VVA"], "reports": request.reports}
    made = await _las(environment, request.oin).call("POST", "/subscriptions", body)
    secrets = [parse_secret(made["secret"])]
    if request.secret is not None:
        await _add_secret(environment, UUID(made["id"]), request.secret, settings)
        secrets.append(request.secret)
    return SandboxReceiver(oin=request.oin, url=request.url, secrets=tuple(secrets), subscription_id=UUID(made["id"]))


async def _simulated(environment: DemoEnvironment, oin: str) -> SandboxReceiver:
    await environment.subscribed([oin])
    (found,) = (await _las(environment, oin).call("GET", "/subscriptions"))["items"]
    kept: dict[str, Any] = orjson.loads((environment.stack.data.simulators / f"las-{oin}.json").read_bytes())
    return SandboxReceiver(
        oin=oin, url=found["url"], secrets=(parse_secret(kept["secret"]),), subscription_id=UUID(found["id"])
    )


async def _add_secret(environment: DemoEnvironment, subscription: UUID, secret: bytes, settings: Settings) -> None:
    """Let a secret that the receiver knows already sign too; a hub in production makes all secrets itself."""
    c = await connect(environment.stack.connection["databaseDsn"], "sandbox")
    try:
        await subscriptions.add_secret(c, subscription, seal(secret, settings.sealing_keys), now())
        await notify(c, "destinations")  # forwarders read the secrets before they send what comes after this
    finally:
        await c.close()


def _las(environment: DemoEnvironment, oin: str) -> HubClient:
    token = environment.las_token(oin)
    return HubClient(environment.client, environment.stack.connection["api"], lambda: token)


def facts_file(environment: DemoEnvironment) -> Path:
    """Return where the facts of the sandbox are written."""
    return environment.stack.data.root / "sandbox.json"


def _write_facts(environment: DemoEnvironment, receiver: SandboxReceiver) -> None:
    facts = {
        "api": environment.stack.connection["api"],
        "token": environment.las_token(receiver.oin),
        "oin": receiver.oin,
        "url": receiver.url,
        "destination": receiver.destination,
        "subscriptionId": str(receiver.subscription_id),
        "secrets": [format_secret(secret) for secret in receiver.secrets],
    }
    write_private(facts_file(environment), orjson.dumps(facts, option=orjson.OPT_INDENT_2).decode())
