"""Receivers that lie, in a process of their own: each has a mood, and remembers what came, in order.

`liars.py PORT`. `OPTIONS /las/N` gives consent, `POST /las/N` is answered as the mood of N has it, `GET /mood/N/MOOD`
sets that, and `GET /report` gives per receiver what came since the last report: (id, lane, number, previous number,
whether it was taken at once, when). A receiver has two lanes per school: what is told to it, and its copies.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections import defaultdict
from typing import Final

import orjson
import uvloop

MOODS: Final = ("honest", "500", "hang", "reset", "drip", "late", "short", "redirect", "one", "all")
ID: Final = re.compile(rb'"id":"([^"]+)"')
SERVICE: Final = re.compile(rb'"serviceCode":"([^"]+)"')
MESSAGE: Final = re.compile(rb'"partitionkey":"([^"]+)","sequence":"(\d+)"')
PREVIOUS: Final = re.compile(rb'"previoussequence":"(\d+)"')
LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
TAKEN: Final = b"HTTP/1.1 204 No Content\r\n\r\n"
CONSENT: Final = b"HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: *\r\nContent-Length: 0\r\n\r\n"
DRIPPED: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"
LATE_SECONDS: Final = 14.0
DRIP_SECONDS: Final = 0.1
SAID: Final = {
    "500": b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: /las/0\r\nContent-Length: 0\r\n\r\n",
    "one": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "all": b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
    "short": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nthat was it",
}


class Liar:
    """One receiver."""

    def __init__(self) -> None:
        self.mood = "honest"
        self.disliked: bytes | None = None
        self.came: list[tuple[str, str, int, int, bool, float]] = []

    def take(self, body: bytes) -> str:
        """Note a message and say how it is answered: a mood."""
        identity, message, service = ID.search(body), MESSAGE.search(body), SERVICE.search(body)
        assert identity is not None
        assert message is not None
        assert service is not None
        mood = self.mood
        if mood == "one":
            self.disliked = self.disliked or identity[1]
            mood = "one" if self.disliked == identity[1] else "honest"
        previous = PREVIOUS.search(body)
        lane = f"{message[1].decode()} {'own' if service[1] == b'VVA' else 'copies'}"
        numbers = (int(message[2]), int(previous[1]) if previous else 0)
        self.came.append((identity[1].decode(), lane, *numbers, mood == "honest", time.time()))
        return mood


LIARS: Final[defaultdict[int, Liar]] = defaultdict(Liar)


class Connection(asyncio.Protocol):
    """One connection; requests on it come one after the other."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._left = b""
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_lost(self, _error: Exception | None) -> None:
        """Say nothing more."""
        for task in self._tasks:
            task.cancel()

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
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        method, target, _ = head.split(b" ", 2)
        words = target.decode().split("/")
        if method == b"OPTIONS":
            self._transport.write(CONSENT)
        elif method == b"GET":
            self._transport.write(_tell(words))
        else:
            self._lie(LIARS[int(words[2])].take(body))

    def _lie(self, mood: str) -> None:
        match mood:
            case "honest":
                self._transport.write(TAKEN)
            case "hang":
                return
            case "reset":
                self._transport.abort()
            case "drip":
                self._later([(DRIP_SECONDS, DRIPPED[n : n + 1]) for n in range(len(DRIPPED))])
            case "late":
                self._later([(LATE_SECONDS, TAKEN)])
            case _:
                self._transport.write(SAID[mood])
                if mood == "short":
                    self._transport.close()

    def _later(self, parts: list[tuple[float, bytes]]) -> None:
        async def write() -> None:
            for seconds, part in parts:
                await asyncio.sleep(seconds)
                self._transport.write(part)

        task = asyncio.get_running_loop().create_task(write())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _tell(words: list[str]) -> bytes:
    told = b"{}"
    if words[1] == "mood":
        LIARS[int(words[2])].mood, LIARS[int(words[2])].disliked = words[3], None
    else:
        told = orjson.dumps({str(n): liar.came for n, liar in LIARS.items()})
        for liar in LIARS.values():
            liar.came = []
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(told) + told


async def serve(port: int) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
