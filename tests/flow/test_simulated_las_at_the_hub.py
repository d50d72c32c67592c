"""The simulated LAS at the real API: it subscribes, keeps its secret, and resumes after a restart."""

from __future__ import annotations

import asyncio
import contextlib
import stat
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import uvicorn
from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import PyreqwestError

from consumers.forwarding import forwarder
from consumers.forwarding.webhooks import Webhooks
from hub.access import Caller, Role
from hub.access.development import ensure_keyfile, issue
from hub.api.app import create_app
from hub.clock import now
from hub.domain.delivery import Delivered
from hub.domain.signing import parse_secret
from hub.outbound import Outbound
from hub.outbound import webhook as outbound_webhook
from hub.outbound.webhook import WebhookMessage
from hub.qualify import Verdict, qualify
from hub.qualify.counterpart import Counterpart
from hub.settings import Settings, load
from hub.simulators import las_process
from hub.simulators.las import LasMode
from hub.simulators.las_process import LasAddress, LasBehaviour
from tests.support.register.subscriptions import (
    BRINS,
    KEYS,
    LAS,
    assert_books_right,
    grant,
    lane,
    make_register,
    plan_all,
)
from tests.support.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hub.store.pool import Pool


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    """Make the settings of a hub with a development key."""
    keyfile = tmp_path / "key.json"
    ensure_keyfile(keyfile)
    return load(
        {
            "OSR_HUB_DATABASE__DSN": database,
            "OSR_HUB_OIN": "00000099000000009000",
            "OSR_HUB_HTTP__PORT": str(free_port()),
            "OSR_HUB_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "OSR_HUB_AUTH__DEVELOPMENT_KEYFILE": str(keyfile),
            "OSR_HUB_SECRETS__KEYS": KEYS[0].get_secret_value(),
            "OSR_HUB_WEBHOOK__ALLOWED_NETWORKS": "127.0.0.0/8",
        }
    )


@pytest.fixture
async def hub(settings: Settings, pool: Pool) -> AsyncIterator[Settings]:
    """Serve the API over a register with two systems."""
    async with pool.acquire() as c:
        await make_register(c)
    config = uvicorn.Config(create_app(settings, pool), port=settings.http.port, log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    yield settings
    server.should_exit = True
    await serving


class Running:
    """A simulated LAS in this process, with what its process would be given."""

    def __init__(self, settings: Settings, folder: Path, port: int) -> None:
        keyfile = settings.auth.development_keyfile
        assert keyfile is not None
        bearer = Caller(subject="las", roles=frozenset({Role.LAS}), oins=frozenset({LAS}))
        token = issue(keyfile, bearer, now=now())
        self.address = LasAddress(
            host="127.0.0.1",
            port=port,
            url=None,
            hub=f"{settings.http.address}/v1",
            token=lambda: token,
            state_dir=folder,
        )
        self.base = f"http://127.0.0.1:{port}"
        self.state = folder / f"las-{LAS}.json"

    @contextlib.asynccontextmanager
    async def run(self, *, reports: bool = False) -> AsyncIterator[None]:
        """Run it, and stop it in order."""
        stop = asyncio.Event()
        behaviour = LasBehaviour(oin=LAS, mode=LasMode.GOOD, delay=0.01, reports=reports)
        task = asyncio.create_task(las_process.run(self.address, behaviour, stop))
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait_for(task, 60)

    async def has_its_secret(self) -> None:
        """Wait until its file is there: only then it can go on after a restart."""
        async with asyncio.timeout(90):
            while not self.state.exists():
                await asyncio.sleep(0.02)

    async def received(self) -> dict[str, Any]:
        """Read what came."""
        async with ClientBuilder().no_proxy().build() as client:
            answer = await client.get(f"{self.base}/received").build().send()
            said: dict[str, Any] = orjson.loads(bytes(await answer.bytes()))
            return said


@pytest.fixture
def las(hub: Settings, tmp_path: Path) -> Running:
    """Prepare a simulated LAS."""
    return Running(hub, tmp_path / "state", free_port())


async def subscription(pool: Pool) -> Any:
    """Wait until there is an active subscription, and return its row."""
    async with asyncio.timeout(90):
        while True:
            row = await pool.fetchrow("select * from subscriptions where status = 'active'")
            if row is not None:
                return row
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def forwarding(hub: Settings) -> AsyncIterator[None]:
    """Run a forwarder."""
    stop = asyncio.Event()
    task = asyncio.create_task(forwarder.run(hub, stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 60)


async def until_activated(pool: Pool) -> None:
    """Wait until every delivery is activated."""
    async with asyncio.timeout(90):
        while await pool.fetchval("select array_agg(distinct status::text) from deliveries") != ["activated"]:
            await asyncio.sleep(0.05)


async def deliver(hub: Settings, pool: Pool, number: int) -> object:
    """Send one message as a forwarder does."""
    body = {"id": f"0190-{number}", "type": "nl.osr.mandate.granted.v1", "partitionkey": "18DS", "data": {}}
    async with Outbound(hub.webhook) as out:
        to = next(iter((await Webhooks(hub, pool).endpoints()).values()))
        message = WebhookMessage(id=f"0190-{number}", body=orjson.dumps(body))
        return await outbound_webhook.deliver(out, to.receiver, message, to.sender, now())


async def test_it_subscribes_takes_messages_and_keeps_its_secret(hub: Settings, pool: Pool, las: Running) -> None:
    """Subscription and secret survive a restart, in a file that only its owner reads."""
    async with las.run():
        first = await subscription(pool)
        await las.has_its_secret()
        assert isinstance(await deliver(hub, pool, 1), Delivered)
        assert (await las.received())["received"] == 1
    assert stat.S_IMODE(las.state.stat().st_mode) == 0o600
    async with las.run():
        assert isinstance(await deliver(hub, pool, 2), Delivered)
        assert (await las.received())["badSignatures"] == 0
        assert (await subscription(pool))["id"] == first["id"]


async def test_it_qualifies_with_its_own_secret(hub: Settings, pool: Pool, las: Running) -> None:
    """Also while it checks the hub's public key, which whoever plays the hub has not."""
    async with las.run():
        await subscription(pool)
        await las.has_its_secret()
        secret = parse_secret(orjson.loads(las.state.read_bytes())["secret"])
        async with Outbound(hub.webhook) as outbound:
            found = await qualify(
                Counterpart(
                    outbound=outbound, url=f"{las.base}/hook", origin="hub.test", clock=now, secret=secret, seconds=15
                )
            )
    assert [each.check.name for each in found.judgements if each.result.verdict is not Verdict.RIGHT] == []


async def test_what_it_took_is_activated_in_the_ledger(hub: Settings, pool: Pool, las: Running) -> None:
    """A forwarded message is reported as activated over the API."""
    async with forwarding(hub), las.run(reports=True):
        await subscription(pool)
        async with pool.acquire() as c:
            await grant(c, BRINS[0])
            await grant(c, routed=("18DS00", "18DS01"))
            await plan_all(c)
        await until_activated(pool)
    async with pool.acquire() as c:
        assert [status for *_, status in await lane(c, f"las:{LAS}")] == ["activated"] * 3
        await assert_books_right(c)


async def test_without_its_file_it_makes_a_new_subscription(hub: Settings, pool: Pool, las: Running) -> None:
    """Without its file it replaces the old subscription."""
    async with las.run():
        first = await subscription(pool)
        await las.has_its_secret()
    las.state.unlink()
    async with las.run():
        async with asyncio.timeout(90):
            while (await subscription(pool))["id"] == first["id"]:
                await asyncio.sleep(0.02)
        assert isinstance(await deliver(hub, pool, 1), Delivered)
    assert await pool.fetchval("select status from subscriptions where id = $1", first["id"]) == "deleted"


async def test_a_subscription_that_was_disabled_is_resumed(hub: Settings, pool: Pool, las: Running) -> None:
    """A disabled subscription is resumed with the present address."""
    async with las.run():
        first = await subscription(pool)
        await las.has_its_secret()
    await pool.execute("update subscriptions set status = 'disabled'")
    elsewhere = Running(hub, las.address.state_dir, free_port())
    async with elsewhere.run():
        row = await subscription(pool)
        assert (row["id"], row["url"]) == (first["id"], f"{elsewhere.base}/hook")
        assert isinstance(await deliver(hub, pool, 1), Delivered)


async def test_it_waits_for_a_hub_that_is_not_there_yet(settings: Settings, tmp_path: Path) -> None:
    """It waits for the hub, and stops at once when told to."""
    las = Running(settings, tmp_path / "state", free_port())
    async with las.run():
        async with asyncio.timeout(90):
            while True:
                with contextlib.suppress(PyreqwestError):
                    assert (await las.received())["received"] == 0
                    break
                await asyncio.sleep(0.02)
