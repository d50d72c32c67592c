"""Receivers as others write them: what was accepted counts as accepted, and a closed connection costs no attempt."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from hub.outbound import Answered, Outbound, Unreachable
from hub.settings import Webhook
from tests.support.receivers.names import Names
from tests.support.receivers.served import read_request, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.usefixtures("each_client")
LOCAL = Webhook.model_validate({"timeout_seconds": 3, "allowed_networks": "127.0.0.0/8"})
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
TAKEN = {
    "a blank before a colon": b"HTTP/1.1 200 OK\r\nServer : odd\r\nContent-Length: 0\r\n\r\n",
    "a folded line": b"HTTP/1.1 200 OK\r\nX-Long: one\r\n two\r\nContent-Length: 0\r\n\r\n",
    "a folded first line": b"HTTP/1.1 200 OK\r\n folded\r\nContent-Length: 0\r\n\r\n",
    "three hundred headers": b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 300 + b"Content-Length: 0\r\n\r\n",
    "a header of fifty thousand bytes": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 50_000 + b"\r\ncontent-length: 0\r\n\r\n",
    "a header of a hundred thousand bytes": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    "a line that is no header": b"HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 0\r\n\r\n",
    "a name that is none": b"HTTP/1.1 200 OK\r\nna me(): x\r\nContent-Length: 0\r\n\r\n",
    "bytes in a value": b"HTTP/1.1 200 OK\r\nX: \x00\xff\x7f\r\nContent-Length: 0\r\n\r\n",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
    "an empty reason": b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
    "a reason in another alphabet": "HTTP/1.1 200 Принято ✓\r\nContent-Length: 0\r\n\r\n".encode(),
    "a reason with control characters": b"HTTP/1.1 200 \x01\x1b[31m\r\nContent-Length: 0\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "mixed line ends": b"HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n",
    "a line end too many before it": b"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "two blanks": b"HTTP/1.1  200  OK\r\nContent-Length: 0\r\n\r\n",
    "small letters": b"http/1.1 200 ok\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\ntaken",
    "HTTP/1.2": b"HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n",
    "no length": b"HTTP/1.1 200 OK\r\n\r\ntaken",
    "a length that is no number": b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
    "a negative length": b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-length: 5\r\n\r\n",
    "a length and chunks": b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks that are none": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
    "a coding that nobody knows": b"HTTP/1.1 200 OK\r\ntransfer-encoding: brotli\r\n\r\n",
    "100 first": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    "102 and 103 first": b"HTTP/1.1 102 X\r\n\r\nHTTP/1.1 103 Y\r\nlink: </>\r\n\r\n" + OK,
    "a body with 204": b"HTTP/1.1 204 No Content\r\ncontent-length: 3\r\n\r\nabc",
    "more than was announced": OK + b"and more",
    "a head that breaks off": b"HTTP/1.1 200 OK\r\ncontent-le",
}


class Tally:
    """The connections and the requests that were answered."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/hook"
        self.requests = 0
        self.connections = 0


@asynccontextmanager
async def closing(answer: bytes, *, per_connection: int = 1, reset: bool = False) -> AsyncIterator[Tally]:
    """Answer so many requests of each connection, and close it without a word at the next one."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        it.connections += 1
        for _ in range(per_connection):
            await read_request(reader)
            it.requests += 1
            writer.write(answer)
            await writer.drain()
        await read_request(reader)
        if reset:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async with served(serve) as port:
        it = Tally(port)
        yield it


@pytest.mark.parametrize("answer", TAKEN.values(), ids=TAKEN.keys())
async def test_what_was_accepted_counts_as_accepted(answer: bytes) -> None:
    """The status line decides, however odd the rest is, and the next message comes through as well."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()

    async with served(serve) as port, Outbound(LOCAL) as out:
        for _ in range(2):
            got = await out.post(f"http://127.0.0.1:{port}/", {}, b"x")
            assert isinstance(got, Answered), got
            assert got.status in {200, 204}


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("per_connection", [1, 3])
async def test_a_connection_that_is_closed_without_a_word_costs_no_attempt(per_connection: int, *, reset: bool) -> None:
    """A message is sent once more at once, on a fresh connection; many side by side as well."""
    async with closing(OK, per_connection=per_connection, reset=reset) as las, Outbound(LOCAL) as out:
        answers = [await out.post(las.url, {}, b"x") for _ in range(20)]
        for _ in range(5):
            answers += await asyncio.gather(*(out.post(las.url, {}, b"x") for _ in range(10)))
    assert [one for one in answers if not isinstance(one, Answered)] == []
    assert las.requests == 70


async def test_a_receiver_that_never_answers_is_asked_twice_at_most() -> None:
    """A second silence is an answer: nobody is flooded."""
    async with closing(b"", per_connection=0) as las, Outbound(LOCAL) as out:
        answer = await out.post(las.url, {}, b"x")
    assert isinstance(answer, Unreachable)
    assert answer.error == "the receiver closed the connection without an answer"
    assert las.connections <= 2


@pytest.mark.parametrize("status", [200, 413])
async def test_an_answer_before_the_body_was_read_is_an_answer(status: int) -> None:
    """A receiver that decides by the headers says so at once, and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    async with served(serve) as port, Outbound(LOCAL) as out:
        for _ in range(2):
            answer = await out.post(f"http://127.0.0.1:{port}/", {}, bytes(2**20))
            assert isinstance(answer, Answered), answer
            assert answer.status == status


async def test_a_late_word_on_an_idle_connection_answers_no_message() -> None:
    """A server that says 408 to an idle connection has not answered the next request with it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(OK)
            await writer.drain()
            await asyncio.sleep(0.001)
            writer.write(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")

    async with served(serve) as port, Outbound(LOCAL) as out:
        for _ in range(5):
            answer = await out.post(f"http://127.0.0.1:{port}/", {}, b"x")
            assert isinstance(answer, Answered)
            assert answer.status == 200
            await asyncio.sleep(0.02)


async def test_a_deaf_first_address_of_two_delays_and_fails_nothing() -> None:
    """The second one is tried while the first says nothing."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await writer.drain()

    async with served(take) as port, Outbound(LOCAL, Names("127.0.0.2", "127.0.0.1")) as out:
        with contextlib.ExitStack() as callers:
            swallow(port, callers)
            answer = await out.post(f"http://las.test:{port}/", {}, b"x")
    assert isinstance(answer, Answered), answer


def swallow(port: int, callers: contextlib.ExitStack) -> None:
    """Listen at 127.0.0.2 with a full queue of callers: further ones hear nothing."""
    listening = callers.enter_context(socket.socket())
    listening.bind(("127.0.0.2", port))
    listening.listen(0)
    for _ in range(4):
        caller = callers.enter_context(socket.socket())
        caller.setblocking(False)  # noqa: FBT003 - the socket's own name
        caller.connect_ex(listening.getsockname())
