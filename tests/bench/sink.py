"""A receiver for races: takes posts, answers at once, and remembers when each message of each lane came.

`sink.py PORT`: OPTIONS gives consent, POST is taken, `GET /report` answers with JSON: per (BRIN4, number) the moments.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time

import orjson
import uvloop

MESSAGE = re.compile(rb'"partitionkey":"([^"]+)","sequence":"(\d+)"')
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"
CONSENT = b"HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: *\r\nContent-Length: 0\r\n\r\n"
ARRIVALS: list[tuple[str, int, float]] = []


class Sink(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
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
            self._transport.write(_answer(head, body))


def _answer(head: bytes, body: bytes) -> bytes:
    if head.startswith(b"OPTIONS"):
        return CONSENT
    if head.startswith(b"GET"):
        report = orjson.dumps(ARRIVALS)
        ARRIVALS.clear()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(report) + report
    if message := MESSAGE.search(body):
        ARRIVALS.append((message[1].decode(), int(message[2]), time.time()))
    return TAKEN


async def serve(port: int) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
