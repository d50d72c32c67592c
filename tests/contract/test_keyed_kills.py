"""A hub that is killed while it works on a request with an `Idempotency-Key`: nothing is lost, nothing done twice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hub.access import Caller, Role
from hub.access.development import ensure_keyfile, issue
from hub.clock import now
from tests.contract.test_serve import ask, start
from tests.support.api.subscribing import subscription_request
from tests.support.receivers.receiver import NO_CONTENT, ReceivedRequest, receiver, reply
from tests.support.register.subscriptions import LAS, make_register
from tests.support.sealing_keys import new_key
from tests.support.servers.ports import free_port

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from pathlib import Path

    from hub.store.pool import Connection

PATIENCE_SECONDS = 300
WAITS = "select exists (select from pg_locks where not granted and locktype in ('transactionid', 'tuple'))"
SECRETS = "select count(*) from subscription_secrets"


@dataclass
class KilledHub:
    """A served hub that is killed and started again."""

    folder: Path
    settings: dict[str, str]
    process: Process | None = None

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        self.process = await start(self.folder, "serve", **self.settings)
        assert await ask(int(self.settings["HTTP__PORT"]), "/health/ready") == b"HTTP/1.1 200 OK\r\n"

    async def kill(self) -> None:
        """Kill it without a word."""
        assert self.process is not None
        self.process.kill()
        await self.process.communicate()

    async def post(self, path: str, body: object, key: str) -> tuple[int, Any]:
        """Send a POST with a key and return status and body; (0, None) when the hub dies meanwhile."""
        reader, writer = await self.send(path, body, key)
        answer = await reader.read()
        writer.close()
        head, _, content = answer.partition(b"\r\n\r\n")
        return (int(head.split(b" ")[1]), orjson.loads(content)) if head else (0, None)

    async def send(self, path: str, body: object, key: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Send a POST without reading its answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", int(self.settings["HTTP__PORT"]))
        caller = Caller(subject="las", roles=frozenset({Role.LAS}), oins=frozenset({LAS}))
        token = issue(self.folder / "key.json", caller, now=now())
        content = orjson.dumps(body)
        head = [
            f"POST {path} HTTP/1.1", "Host: hub", "Connection: close", f"Authorization: Bearer {token}",
            f"Idempotency-Key: {key}", "Content-Type: application/json", f"Content-Length: {len(content)}", "", "",
        ]  # fmt: skip
        writer.write("\r\n".join(head).encode() + content)
        return reader, writer


@pytest.fixture
async def hub(tmp_path: Path, database: str, connection: Connection) -> KilledHub:
    """Make a hub over a register with two systems."""
    await make_register(connection)
    ensure_keyfile(tmp_path / "key.json")
    settings = {
        "DATABASE__DSN": database,
        "AUTH__DEVELOPMENT_KEYFILE": str(tmp_path / "key.json"),
        "HTTP__PORT": str(free_port()),
        "OIN": "00000099000000009000",
        "SECRETS__KEYS": new_key(),
        "WEBHOOK__ALLOWED_NETWORKS": "127.0.0.0/8",
        "WEBHOOK__TIMEOUT_SECONDS": "300",  # so that a claim outlasts the start of a hub on a slow day
    }
    return KilledHub(tmp_path, settings)


@pytest.mark.proof
async def test_a_killed_hub_neither_blocks_a_key_nor_does_its_work_twice(
    hub: KilledHub, connection: Connection
) -> None:
    """Killed while it waits outside, in the middle of its work, and after the commit before the answer is read."""
    async with asyncio.timeout(PATIENCE_SECONDS), receiver(lambda _: None) as las:
        await hub.start()
        outside = asyncio.create_task(hub.post("/v1/subscriptions", subscription_request(las), "subscribe"))
        await las.arrived.wait()
        await hub.kill()
        assert await outside == (0, None)
        las.answer = _consents
        await hub.start()
        refused = await hub.post("/v1/subscriptions", subscription_request(las), "subscribe")
        assert (refused[0], refused[1]["code"]) == (409, "idempotency_key_in_use")
        await _let_claims_end(connection)
        status, made = await hub.post("/v1/subscriptions", subscription_request(las), "subscribe")
        assert (status, await connection.fetchval(SECRETS)) == (201, 1)

        path = f"/v1/subscriptions/{made['id']}/secrets"
        async with connection.transaction():
            await connection.execute("select from subscriptions for update")
            working = asyncio.create_task(hub.post(path, {}, "rotate"))
            await _until(connection, WAITS)
            await hub.kill()
            assert await working == (0, None)
        await hub.start()
        await _let_claims_end(connection)
        status, rotated = await hub.post(path, {}, "rotate")
        assert (status, await connection.fetchval(SECRETS)) == (201, 2)

        assert await hub.post(path, {}, "rotate") == (201, rotated)
        _, unread = await hub.send(path, {}, "unread")
        await _until(connection, "select exists (select from idempotency_keys where key = 'unread' and status = 201)")
        await hub.kill()
        unread.close()
        await hub.start()
        status, repeated = await hub.post(path, {}, "unread")
        assert (status, repeated["secret"] != rotated["secret"], await connection.fetchval(SECRETS)) == (201, True, 3)
        assert await hub.post(path, {}, "unread") == (201, repeated)
        await hub.kill()


def _consents(got: ReceivedRequest) -> bytes:
    return reply(200, webhook_allowed_origin="*") if got.method == "OPTIONS" else NO_CONTENT


async def _let_claims_end(c: Connection) -> None:
    """Stand for the half minute in which a claim ends by itself."""
    await c.execute("update idempotency_keys set claimed_until = clock_timestamp() where status is null")


async def _until(c: Connection, is_so: str) -> None:
    while not await c.fetchval(is_so):
        await asyncio.sleep(0.02)
