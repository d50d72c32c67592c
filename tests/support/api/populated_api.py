"""An API over real HTTP with data for every call, for tests that try all of its calls.

In: a database and a receiver. Out: an address, tokens of every role, and names that exist there.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import uvicorn

from hub.access import Caller, Role
from hub.access.development import ensure_keyfile, issue
from hub.api.app import create_app
from hub.clock import now
from hub.settings import load
from hub.store import reports as report_store
from schemas.identifiers import Brin, Oin
from tests.support.api.client import Client
from tests.support.api.school_calls import ONE, OTHER, R2, fill_register, mandate_request
from tests.support.lanes.ledger_states import fail, plan_all, publish, report, take
from tests.support.register.subscriptions import KEYS, subscribed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from starlette.types import ASGIApp

    from hub.store.pool import Connection, Pool

HUB, OWNER, SCHOOL = Oin("00000099000000009000"), Oin(ONE), Brin("18DS")
EVERYTHING = "everything"
ROLES: dict[str, frozenset[Role]] = {EVERYTHING: frozenset(Role), **{str(role): frozenset({role}) for role in Role}}
PARKED: dict[str, Any] = {
    "topic": "duo.reports.v1", "partition": 0, "offset": 1, "key": None, "headers": [], "bytes": b"{}", "digest": b"1",
    "reason": "unparsable", "blame": "sender", "detail": "no CloudEvent", "delivery_id": None, "mandate_id": None,
    "mandate_version": None,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class PopulatedApi:
    """Its address, tokens by role, and existing values by the name of a parameter."""

    url: str
    tokens: Mapping[str, str]
    names: Mapping[str, Sequence[str | int]]


@asynccontextmanager
async def serve_populated_api(pool: Pool, folder: Path, webhook: str, **settings: str) -> AsyncIterator[PopulatedApi]:
    """Serve an API over a register in which every kind of change has happened once."""
    keyfile = folder / "development-key.json"
    ensure_keyfile(keyfile)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        environment = {
            "OIN": HUB, "AUTH__DEVELOPMENT_KEYFILE": str(keyfile), "HTTP__PUBLIC_URL": address,
            "SECRETS__KEYS": KEYS[0].get_secret_value(), "WEBHOOK__ALLOWED_NETWORKS": "127.0.0.0/8",
            "WEBHOOK__TIMEOUT_SECONDS": "1",
            **settings,
        }  # fmt: skip
        app = create_app(load({f"OSR_HUB_{name}": value for name, value in environment.items()}), pool)
        names = await _live(pool, Client(app=app, keyfile=keyfile), webhook)
        async with serve_app(app, listening):
            tokens = {name: issue(keyfile, _caller(name, roles), now=now()) for name, roles in ROLES.items()}
            yield PopulatedApi(url=address, tokens=tokens, names=names)


def _caller(name: str, roles: frozenset[Role]) -> Caller:
    is_school, is_las = Role.SCHOOL in roles, Role.LAS in roles
    return Caller(
        subject=f"test {name}",
        roles=roles,
        brins=frozenset({SCHOOL} if is_school else ()),
        oins=frozenset({OWNER} if is_las else ()),
    )


@asynccontextmanager
async def serve_app(app: ASGIApp, listening: socket.socket) -> AsyncIterator[None]:
    """Serve an application over HTTP while the context lasts."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, server_header=False))
    serving = asyncio.create_task(server._serve([listening]))  # noqa: SLF001 - `serve` would take the signals of the test run
    try:
        yield
    finally:
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await serving


async def _live(pool: Pool, client: Client, webhook: str) -> dict[str, list[str | int]]:
    async with pool.acquire() as c:
        await fill_register(c)
        school = client.as_caller(Role.SCHOOL, brins=[SCHOOL])
        branches = [{"branch": "18DS01", "routingId": R2}]
        for service in ("VVA", "RIO"):
            assert (
                await school.post("/v1/mandates", mandate_request(serviceCode=service, branches=branches))
            ).status == 201
        await plan_all(c)
        await subscribed(c, OWNER, url=webhook, services=("VVA", "RIO"), processing_results=True)
        await publish(c)
        await take(c, "duo:rio")
        told = [str(row["id"]) for row in await c.fetch("select id from deliveries order by destination, sequence")]
        await report(c, told[0], "processed_with_signal", "let op")
        await report(c, told[1], "rejected")
        await fail(c, f"las:{ONE}")
        await report_store.park_record(c, {**PARKED, "received_at": now()})
        return {**await _names(c), "url": [webhook]}


async def _names(c: Connection) -> dict[str, list[str | int]]:
    async def column(statement: str) -> list[str | int]:
        return [str(row[0]) for row in await c.fetch(statement)]

    return {
        "brin": [SCHOOL, "00AA"],
        "bge_code": ["41561", "41775"],
        "branch": ["18DS00", "18DS01", "18DS02"],
        "supplier_oin": [ONE, OTHER],
        "school_oin": ["0000000700018DS00000"],
        "service_code": ["VVA", "RIO"],
        "mandate_id": await column("select id from mandates"),
        "delivery_id": await column("select id from deliveries"),
        "event_id": await column("select id from events"),
        "subscription_id": await column("select id from subscriptions"),
        "parked_id": [int(each) for each in await column("select id from parked_records")],
        "destination": await column("select name from destinations"),
        "name": [*await column("select name from destinations"), "mandate-change.v1.json", "report.v1.json"],
        "types": ["nl.osr.mandate.*", "nl.osr.mandate.granted.v1"],
    }
