"""A receiver of webhooks for tests: a real HTTP server on loopback that keeps requests and answers as configured."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass(frozen=True)
class ReceivedRequest:
    """One request: header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """The requests, the number of connections, and the address; `answer` may be changed at any time."""

    answer: Callable[[ReceivedRequest], bytes | None]
    got: list[ReceivedRequest] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """The address that it listens on."""
        return f"http://127.0.0.1:{self.port}/hook"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection; an answer of None leaves the request open until the client gives up."""
        self.connections += 1
        try:
            while True:
                self.got.append(got := await _read(reader))
                self.arrived.set()
                answer = self.answer(got)
                if answer is None:
                    await reader.read()
                    return
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


def reply(status: int, body: bytes = b"", **headers: str) -> bytes:
    """Return an answer as bytes; header names have _ for -."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"HTTP/1.1 {status} X", *lines, f"content-length: {len(body)}", "", ""]).encode() + body


@asynccontextmanager
async def receiver(answer: Callable[[ReceivedRequest], bytes | None] = lambda _: NO_CONTENT) -> AsyncIterator[Receiver]:
    """Run a receiver while the context lasts."""
    it = Receiver(answer)
    server = await asyncio.start_server(it.handle, "127.0.0.1", 0, backlog=1024)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()


async def _read(reader: asyncio.StreamReader) -> ReceivedRequest:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    method, target, _ = first.split(" ")
    return ReceivedRequest(method, target, headers, await reader.readexactly(int(headers.get("content-length", "0"))))
