"""Whatever a receiver does with its answer costs a bounded number of bytes and a bounded time."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from hub.outbound import Answered, Outbound, Unreachable, connections, reqwest, routes, streams
from hub.settings import Webhook
from tests.support.receivers.receiver import receiver, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Play = Callable[[asyncio.StreamWriter], Awaitable[None]]

pytestmark = pytest.mark.usefixtures("each_client")
LOCAL = Webhook.model_validate({"timeout_seconds": 4, "allowed_networks": "127.0.0.0/8"})
MEGABYTE = b"y" * 2**20
MOST_SENT = 64 * 2**20


@asynccontextmanager
async def rude(play: Play) -> AsyncIterator[str]:
    """Run a server that reads a request and then does as it pleases, until the other side has gone."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            await play(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    finally:
        server.close()


def without_end(head: bytes, piece: bytes, pause: float = 0.0) -> Play:
    """Send a head, and then pieces for ever."""

    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    return play


CHUNKED = b"HTTP/1.1 %d X\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("status", [200, 503])
async def test_a_body_without_end_costs_its_beginning(status: int) -> None:
    """It is cut off, its status counts, and the next message is sent."""
    sent = 0

    async def flood(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(CHUNKED % status)
        while sent < MOST_SENT:
            writer.write(b"100000\r\n" + MEGABYTE + b"\r\n")
            await writer.drain()
            sent += len(MEGABYTE)

    async with rude(flood) as url, Outbound(LOCAL) as out:
        for _ in range(2):
            answer = await out.post(url, {}, b"")
            assert isinstance(answer, Answered)
            assert answer.status == status
    assert sent < MOST_SENT


@pytest.mark.parametrize("status", [204, 200, 429])
async def test_a_body_that_drips_costs_a_bounded_time_and_its_status_counts(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """A receiver that said 2xx has taken the message, however long it goes on talking."""
    monkeypatch.setattr(reqwest, "READ_SECONDS", 0.3)
    monkeypatch.setattr(connections, "BODY_SECONDS", 0.3)
    async with rude(without_end(CHUNKED % status, b"1\r\na\r\n", 0.05)) as url, Outbound(LOCAL) as out:
        answer = await out.post(url, {}, b"")
    assert isinstance(answer, Answered)
    assert answer.status == status
    assert answer.duration_ms < 4000


@pytest.mark.parametrize("body", [b"", b"abc"])
async def test_a_body_that_is_shorter_than_promised_does_not_undo_its_status(body: bytes) -> None:
    """The connection breaks off in the middle of it; what was taken stays taken."""

    async def lie(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n" + body)
        await writer.drain()

    async with rude(lie) as url, Outbound(LOCAL) as out:
        answer = await out.post(url, {}, b"")
    assert isinstance(answer, Answered)
    assert answer.status == 200


async def test_a_compressed_bomb_is_not_unpacked() -> None:
    """Sixteen megabytes in sixteen kilobytes pass as they came."""
    bomb = gzip.compress(bytes(16 * 2**20))
    async with receiver(lambda _: reply(200, bomb, content_encoding="gzip")) as las, Outbound(LOCAL) as out:
        answer = await out.post(las.url, {}, b"")
    assert isinstance(answer, Answered)


async def test_a_head_without_end_is_read_to_a_bound_and_its_status_counts() -> None:
    """The receiver said that it accepted the message; how it goes on does not undo that."""
    more = b"x-more: " + b"z" * 60_000 + b"\r\n"
    async with rude(without_end(b"HTTP/1.1 200 OK\r\n", more)) as url, Outbound(LOCAL) as out:
        answer = await out.post(url, {}, b"")
    assert isinstance(answer, Answered)
    assert answer.status == 200


async def test_a_connection_that_is_never_made_has_a_shorter_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that swallows what it is sent is known sooner than one that thinks for long."""
    monkeypatch.setattr(reqwest, "CONNECT_SECONDS", 0.4)
    monkeypatch.setattr(streams, "CONNECT_SECONDS", 0.4)
    with socket.socket() as deaf, contextlib.ExitStack() as callers:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(4):  # its queue of callers is full, and further ones hear nothing
            caller = callers.enter_context(socket.socket())
            caller.setblocking(False)  # noqa: FBT003 - the socket's own name
            caller.connect_ex(deaf.getsockname())
        settings = LOCAL.model_copy(update={"timeout_seconds": 60})
        async with Outbound(settings) as out:
            started = time.monotonic()
            answer = await out.post(f"http://127.0.0.1:{deaf.getsockname()[1]}/", {}, b"")
            spent = time.monotonic() - started
    assert isinstance(answer, Unreachable)
    assert answer.error == "no connection within 0.4 s"
    assert spent < 30


async def test_waiting_for_a_free_connection_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that keeps all its connections busy fails its own messages, in words that say so."""
    monkeypatch.setattr(routes, "CONNECTIONS", 1)
    monkeypatch.setattr(reqwest, "CONNECTIONS", 1)
    async with receiver(lambda _: None) as las, Outbound(LOCAL.model_copy(update={"timeout_seconds": 0.5})) as out:
        answers = await asyncio.gather(*(out.post(las.url, {}, b"") for _ in range(3)))
    assert all(isinstance(answer, Unreachable) for answer in answers)
    assert "all connections that one receiver may have are in use" in {
        answer.error for answer in answers if isinstance(answer, Unreachable)
    }
    assert las.connections < 3
