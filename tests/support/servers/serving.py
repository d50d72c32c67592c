"""A hub served by its own server, with the guard of its connections, and raw connections to it.

In: an application's settings. Out: its port; and what comes back over a connection from an address of one's choice.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.api.server import serve
from hub.settings import load
from tests.support.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

PATIENCE = 30


@dataclass(kw_only=True, slots=True)
class RawConnection:
    """A connection that sends any bytes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, text: str) -> tuple[int, dict[str, str], bytes]:
        """Send bytes, and return the status, headers and body of the answer."""
        self.writer.write(text.encode())
        return await self.answer()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Read one answer."""
        async with asyncio.timeout(PATIENCE):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return int(head[0].split()[1]), headers, body

    async def end(self) -> bytes:
        """Return what still comes until the other side closes."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""


@asynccontextmanager
async def connected(port: int, source: str = "127.0.0.1") -> AsyncIterator[RawConnection]:
    """Connect from an address of this machine (all of 127.0.0.0/8 are)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    try:
        yield RawConnection(reader=reader, writer=writer)
    finally:
        writer.close()


@asynccontextmanager
async def serving(settings: Mapping[str, str]) -> AsyncIterator[int]:
    """Serve in this process by settings without their prefix; yield the port."""
    port = free_port()
    named = {f"OSR_HUB_{name}": value for name, value in {**settings, "HTTP__PORT": str(port)}.items()}
    stop = asyncio.Event()
    task = asyncio.create_task(serve(load(named), stop))
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    break
                except ConnectionRefusedError:
                    await asyncio.sleep(0.02)  # nothing tells that a port begins to listen
            writer.close()
        yield port
    finally:
        stop.set()
        await task
