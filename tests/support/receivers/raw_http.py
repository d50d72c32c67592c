"""HTTP as it stands on the wire, for receivers that must be fast, or must lie. In: requests. Out: whatever is written.

Nothing is understood but where a request ends: its head, and as many bytes as its `Content-Length` says.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from asyncio.subprocess import Process

ROOT: Final = Path(__file__).parents[3]

MESSAGE: Final = re.compile(rb'"partitionkey":"([^"]+)","sequence":"(\d+)"')
LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
NO_CONTENT: Final = b"HTTP/1.1 204 No Content\r\n\r\n"
CONSENT: Final = b"HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: *\r\nContent-Length: 0\r\n\r\n"


class Connection(asyncio.Protocol):
    """One connection; requests on it come one after the other."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._left = b""

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        self._left += data
        while (end := self._left.find(b"\r\n\r\n")) >= 0:
            head = self._left[:end]
            found = LENGTH.search(head)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self._left) < whole:
                return
            body, self._left = self._left[end + 4 : whole], self._left[whole:]
            self.answer(head, body)

    def answer(self, head: bytes, body: bytes) -> None:
        """Say something, or nothing."""
        raise NotImplementedError


def ok(content: bytes) -> bytes:
    """Write an answer that holds something."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content


async def start(module: str, port: int) -> Process:
    """Start a receiver in a process of its own, so that it takes no time of whoever measures or watches."""
    return await asyncio.create_subprocess_exec(sys.executable, "-m", module, str(port), cwd=ROOT)


async def serve(connection: type[Connection], port: int) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", port)
    async with server:
        await server.serve_forever()
