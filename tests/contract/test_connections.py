"""Silence, half requests and floods of connections cost their sender, and nobody else notices."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg
import orjson
import pytest

from hub.access import Caller, Role
from hub.access.development import ensure_keyfile, issue
from hub.api import protocol
from hub.api.connections import Connections
from hub.clock import now
from schemas.identifiers import Oin
from tests.support.servers.ports import free_port
from tests.support.servers.serving import PATIENCE, connected, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PATIENT = {"LIMITS__SILENCE_SECONDS": "60"}
LIVE = "GET /health/live HTTP/1.1\r\nHost: hub\r\n\r\n"
POST = "POST /v1/reconciliation HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n"


@pytest.fixture
def settings(tmp_path: Path, database: str) -> dict[str, str]:
    """Give the settings of a hub that is impatient and has few connections."""
    ensure_keyfile(tmp_path / "key.json")
    return {
        "DATABASE__DSN": database,
        "AUTH__DEVELOPMENT_KEYFILE": str(tmp_path / "key.json"),
        "OIN": "00000099000000009000",
        "LIMITS__SILENCE_SECONDS": "1",
        "LIMITS__CONNECTIONS": "20",
        "LIMITS__CONNECTIONS_PER_ADDRESS": "10",
    }


@pytest.fixture
async def port(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """Serve that hub; idle connections are soon closed there."""
    monkeypatch.setattr(protocol, "KEEP_ALIVE_SECONDS", 0.5)
    async with serving(settings) as found:
        yield found


@pytest.fixture
def authorization(tmp_path: Path, settings: dict[str, str]) -> str:
    """Give the header of a caller with a token."""
    assert settings
    las = Caller(subject="las", roles=frozenset({Role.LAS}), oins=frozenset({Oin("00000099000000001000")}))
    return f"Authorization: Bearer {issue(tmp_path / 'key.json', las, now=now())}\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("", None),
        ("\r\n", None),
        ("GET /v1/schools HTTP/1.1\r\nHo", 408),
        (LIVE, 200),
        (LIVE + "\r\n", 200),
        (LIVE + "GET /", 200),
        ("\x16\x03\x01\x02\x00\x01", 400),
        ("GET /v1/schools HTTP/1.1\r\nX: " + "a" * 70_000, 431),
        ("GET /v1/schools HTTP/1.1\r\n" + "".join(f"x{n}: {'y' * 90}\r\n" for n in range(900)), 431),
    ],
    ids=["silent", "blank", "half_head", "idle", "then_blank", "then_half", "tls", "long_header", "many_headers"],
)
async def test_whoever_stops_sending_is_disconnected(port: int, sent: str, status: int | None) -> None:
    """With a problem that says why where a request had begun, and without a word where none had."""
    async with connected(port) as line:
        line.writer.write(sent.encode("latin-1"))
        if status is not None:
            found, headers, body = await line.answer()
            assert found == status, body
            assert headers["api-version"] == "1.0.0"
            assert status == 200 or orjson.loads(body)["status"] == status
        last = await line.end()
        assert not last or last.startswith(b"HTTP/1.1 408")


async def test_without_a_token_no_body_is_read(settings: dict[str, str], port: int) -> None:
    """401 comes before the body; what still comes is thrown away, and the connection stays; who stops is cut off."""
    async with serving({**settings, **PATIENT}) as patient, connected(patient) as line:
        status, headers, _ = await line.ask(POST + "Content-Length: 7400000\r\n\r\n[{},")
        assert (status, headers["www-authenticate"]) == (401, "bearer")
        line.writer.write(b" " * (7_400_000 - 4))
        assert (await line.ask(LIVE))[0] == 200
    async with connected(port) as line:
        assert (await line.ask(POST + "Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n"))[0] == 401
        assert await line.end() == b""
    async with connected(port) as line:
        wrong = await line.ask(POST + "Authorization: Bearer x.y.z\r\nContent-Length: 9\r\n\r\n")
        assert (wrong[0], wrong[1]["www-authenticate"]) == (401, 'bearer error="invalid_token"')


async def test_a_body_that_stops_is_408_and_one_too_large_413(port: int, authorization: str) -> None:
    """Each path has its limit; it is told from the header where that has the length."""
    for sent, status in (
        ("Content-Length: 100\r\n\r\n{", 408),
        ("Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", 408),
        ("Content-Length: 8300000\r\n\r\n", 408),
        ("Content-Length: 8400001000\r\n\r\n", 413),
    ):
        async with connected(port) as line:
            found, _, body = await line.ask(POST + authorization + sent)
            assert (found, orjson.loads(body)["status"]) == (status, status), sent
    other = POST.replace("/reconciliation", "/subscriptions") + authorization
    async with connected(port) as line:
        assert (await line.ask(f"{other}Content-Length: 262145\r\n\r\n"))[0] == 413
    async with connected(port) as line:
        chunk = f"{0x40001:x}\r\n{' ' * 0x40001}\r\n0\r\n\r\n"
        assert (await line.ask(f"{other}Transfer-Encoding: chunked\r\n\r\n{chunk}"))[0] == 413


async def test_of_large_bodies_a_caller_has_one(port: int, authorization: str) -> None:
    """The second one is told to wait, and small ones go on."""
    async with connected(port) as one, connected(port) as two:
        one.writer.write((POST + authorization + "Content-Length: 8000000\r\n\r\n[").encode())
        await one.writer.drain()
        refused = await two.ask(POST + authorization + "Content-Length: 8000000\r\n\r\n[")
        assert refused[0] == 429 or (await one.answer())[0] == 429


async def test_silent_connections_give_way(settings: dict[str, str], authorization: str) -> None:
    """However many of them there are, a new caller gets in, and one with a token keeps its connection."""
    async with AsyncExitStack() as stack, serving({**settings, **PATIENT}) as port:
        ask = f"GET /v1/services HTTP/1.1\r\nHost: hub\r\n{authorization}\r\n"
        known = await stack.enter_async_context(connected(port))
        assert (await known.ask(ask))[0] == 200
        silent = [await stack.enter_async_context(connected(port)) for _ in range(30)]
        for n in range(30):
            half = await stack.enter_async_context(connected(port, f"127.0.0.{n % 3 + 2}"))
            half.writer.write(b"POST /v1/mandates HT")
        async with connected(port, "127.0.0.9") as new:
            assert (await new.ask(LIVE))[0] == 200
        assert (await known.ask(ask))[0] == 200
        assert await silent[0].end() == b""


async def test_addresses_are_believed_from_named_proxies_only(settings: dict[str, str]) -> None:
    """X-Forwarded-For of anybody else changes nothing: what it asked too often stays counted."""
    slow = {"LIMITS__UNKNOWN_PER_SECOND": "0.001", "LIMITS__UNKNOWN_BURST": "1"}
    for proxies, second in (("", 429), ("127.0.0.0/30", 401)):
        async with (
            serving({**settings, **PATIENT, **slow, "HTTP__TRUSTED_PROXIES": proxies}) as port,
            connected(port) as line,
        ):
            for n, status in ((1, 401), (2, second)):
                ask = f"GET /v1/services HTTP/1.1\r\nHost: hub\r\nX-Forwarded-For: 6.6.6.6, 198.51.100.{n}\r\n\r\n"
                assert (await line.ask(ask))[0] == status, proxies


async def test_what_watches_over_the_hub_has_a_port_of_its_own(settings: dict[str, str], authorization: str) -> None:
    """Health and metrics are answered there alone, also while nothing is left of the pool; calls at the other port."""
    other = free_port()
    async with serving({**settings, **PATIENT, "HTTP__MONITORING_PORT": str(other)}) as port:
        for path in ("/health/live", "/health/ready", "/metrics"):
            async with connected(port) as line, connected(other) as watching:
                assert (await line.ask(f"GET {path} HTTP/1.1\r\nHost: hub\r\n\r\n"))[0] == 404
                assert (await watching.ask(f"GET {path} HTTP/1.1\r\nHost: hub\r\n\r\n"))[0] == 200
        ask = f"GET /v1/services HTTP/1.1\r\nHost: hub\r\n{authorization}\r\n"
        async with connected(port) as line, connected(other) as watching:
            assert ((await line.ask(ask))[0], (await watching.ask(ask))[0]) == (200, 404)


async def test_ready_is_who_can_store_a_change(settings: dict[str, str], database: str) -> None:
    """A database that became read-only is not ready, and is ready again when it takes changes."""
    name = urlsplit(database).path[1:]
    ready = "GET /health/ready HTTP/1.1\r\nHost: hub\r\n\r\n"
    admin = await asyncpg.connect(urlsplit(database)._replace(path="/postgres").geturl())
    async with serving({**settings, **PATIENT}) as port, connected(port) as line:
        assert (await line.ask(ready))[0] == 200
        for setting, status in (("on", 503), ("off", 200)):
            await admin.execute(f"alter database {name} set default_transaction_read_only = {setting}")
            async with asyncio.timeout(PATIENCE):
                while (await line.ask(ready))[0] != status:
                    await asyncio.sleep(0.05)  # an answer is kept for a second
    await admin.close()


class FakeConnection:
    """A connection that only remembers whether it gave way."""

    def __init__(self, waits_since: float | None, usefulness: int = 0) -> None:
        self.waits_since = waits_since
        self.usefulness = usefulness
        self.gave_way = False

    def give_way(self) -> None:
        """Remember it."""
        self.gave_way = True


def test_who_is_at_work_never_gives_way() -> None:
    """First the least useful, of these the one that waits longest; and nobody when all are at work."""
    connections = Connections(most=3, most_per_address=3)
    first = [FakeConnection(2.0, 2), FakeConnection(9.0), FakeConnection(5.0)]
    assert all(connections.admit(each, "a") for each in first)
    assert connections.admit(FakeConnection(None), "b")
    assert [each.gave_way for each in first] == [False, False, True]
    assert connections.admit(FakeConnection(None), "b")
    assert connections.admit(FakeConnection(None), "b")
    assert [each.gave_way for each in first] == [True, True, True]
    assert not connections.admit(FakeConnection(1.0), "c")
    assert len(connections) == 3
