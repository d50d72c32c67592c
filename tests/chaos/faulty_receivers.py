"""Receivers that misbehave, in a process of their own: each has a behaviour, and keeps what arrived, in order.

`python -m tests.chaos.faulty_receivers PORT`. `OPTIONS /las/N` consents, `POST /las/N` is answered by the behaviour of
N, `GET /behaviour/N/BEHAVIOUR` sets that, and `GET /report` has per receiver what arrived since the last report: (id,
lane, number, previous number, whether it was taken at once, when). A receiver has two lanes per school: its own
messages, and its copies.
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

BEHAVIOURS: Final = ("honest", "500", "hang", "reset", "drip", "late", "short", "redirect", "one", "all")
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


class FaultyReceiver:
    """One receiver."""

    def __init__(self) -> None:
        self.behaviour = "honest"
        self.refused: bytes | None = None
        self.came: list[tuple[str, str, int, int, bool, float]] = []

    def take(self, body: bytes) -> str:
        """Record a message and return the behaviour that answers it."""
        identity, message, service = ID.search(body), MESSAGE.search(body), SERVICE.search(body)
        assert identity is not None
        assert message is not None
        assert service is not None
        behaviour = self.behaviour
        if behaviour == "one":
            self.refused = self.refused or identity[1]
            behaviour = "one" if self.refused == identity[1] else "honest"
        previous = PREVIOUS.search(body)
        lane = f"{message[1].decode()} {'own' if service[1] == b'VVA' else 'copies'}"
        numbers = (int(message[2]), int(previous[1]) if previous else 0)
        self.came.append((identity[1].decode(), lane, *numbers, behaviour == "honest", time.time()))
        return behaviour


RECEIVERS: Final[defaultdict[int, FaultyReceiver]] = defaultdict(FaultyReceiver)


class FaultyConnection(Connection):
    """A connection that answers each request by the behaviour of its receiver."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the tasks that answer later."""
        super().connection_made(transport)
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_lost(self, _error: Exception | None) -> None:
        """Cancel the answers that are due."""
        for task in self._tasks:
            task.cancel()

    def answer(self, head: bytes, body: bytes) -> None:
        """Answer a request: a message, a handshake or a command."""
        method, target, _ = head.split(b" ", 2)
        words = target.decode().split("/")
        if method == b"OPTIONS":
            self.transport.write(CONSENT)
        elif method == b"GET":
            self.transport.write(_run_command(words))
        else:
            self._misbehave(RECEIVERS[int(words[2])].take(body))

    def _misbehave(self, behaviour: str) -> None:
        match behaviour:
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
                self.transport.write(SAID[behaviour])
                if behaviour == "short":
                    self.transport.close()

    def _later(self, parts: list[tuple[float, bytes]]) -> None:
        async def write() -> None:
            for seconds, part in parts:
                await asyncio.sleep(seconds)
                self.transport.write(part)

        task = asyncio.get_running_loop().create_task(write())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _run_command(words: list[str]) -> bytes:
    answer = b"{}"
    if words[1] == "behaviour":
        RECEIVERS[int(words[2])].behaviour, RECEIVERS[int(words[2])].refused = words[3], None
    else:
        answer = orjson.dumps({str(n): receiver.came for n, receiver in RECEIVERS.items()})
        for receiver in RECEIVERS.values():
            receiver.came = []
    return ok(answer)


if __name__ == "__main__":
    uvloop.run(serve(FaultyConnection, int(sys.argv[1])))
