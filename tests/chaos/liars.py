"""Receivers that lie, in a process of their own: each has a mood, and remembers what came, in order.

`python -m tests.chaos.liars PORT`. `OPTIONS /las/N` gives consent, `POST /las/N` is answered as the mood of N has it,
`GET /mood/N/MOOD` sets that, and `GET /report` gives per receiver what came since the last report: (id, lane, number,
previous number, whether it was taken at once, when). A receiver has two lanes per school: what is told to it, and its
copies.
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

from tests.support.receivers.raw_http import CONSENT, MESSAGE, NO_CONTENT, Connection, ok, serve

MOODS: Final = ("honest", "500", "hang", "reset", "drip", "late", "short", "redirect", "one", "all")
ID: Final = re.compile(rb'"id":"([^"]+)"')
SERVICE: Final = re.compile(rb'"serviceCode":"([^"]+)"')
PREVIOUS: Final = re.compile(rb'"previoussequence":"(\d+)"')
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


class LyingReceiver:
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


LIARS: Final[defaultdict[int, LyingReceiver]] = defaultdict(LyingReceiver)


class LyingConnection(Connection):
    """A connection on which each request is answered as the mood of its receiver has it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is to be said later."""
        super().connection_made(transport)
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_lost(self, _error: Exception | None) -> None:
        """Say nothing more."""
        for task in self._tasks:
            task.cancel()

    def answer(self, head: bytes, body: bytes) -> None:
        """Lie, or do as one is told."""
        method, target, _ = head.split(b" ", 2)
        words = target.decode().split("/")
        if method == b"OPTIONS":
            self.transport.write(CONSENT)
        elif method == b"GET":
            self.transport.write(_tell(words))
        else:
            self._lie(LIARS[int(words[2])].take(body))

    def _lie(self, mood: str) -> None:
        match mood:
            case "honest":
                self.transport.write(NO_CONTENT)
            case "hang":
                return
            case "reset":
                self.transport.abort()
            case "drip":
                self._later([(DRIP_SECONDS, DRIPPED[n : n + 1]) for n in range(len(DRIPPED))])
            case "late":
                self._later([(LATE_SECONDS, NO_CONTENT)])
            case _:
                self.transport.write(SAID[mood])
                if mood == "short":
                    self.transport.close()

    def _later(self, parts: list[tuple[float, bytes]]) -> None:
        async def write() -> None:
            for seconds, part in parts:
                await asyncio.sleep(seconds)
                self.transport.write(part)

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
    return ok(told)


if __name__ == "__main__":
    uvloop.run(serve(LyingConnection, int(sys.argv[1])))
