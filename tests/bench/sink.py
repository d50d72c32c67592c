"""The receiver of all scenarios: takes posts, and remembers when each message of each lane came.

`python -m tests.bench.sink PORT`: OPTIONS gives consent; a POST is answered as its path says: `/ok/...` at once,
`/slow/MILLISECONDS/...` after a while, `/dead/...` never. `GET /report` answers with JSON, [[path, BRIN4, number,
moment]], and forgets it; `GET /sample` with the last body that was posted.
"""

from __future__ import annotations

import asyncio
import sys
import time

import orjson
import uvloop

from tests.support.receivers.raw_http import CONSENT, MESSAGE, NO_CONTENT, Connection, ok, serve

ARRIVALS: list[tuple[str, str, int, float]] = []
LAST: list[bytes] = [b""]


class Sink(Connection):
    """A connection that answers each request as its path says."""

    def answer(self, head: bytes, body: bytes) -> None:
        """Take what is posted."""
        if head.startswith(b"OPTIONS"):
            self.transport.write(CONSENT)
        elif head.startswith(b"GET /sample"):
            self.transport.write(ok(LAST[0]))
        elif head.startswith(b"GET"):
            self.transport.write(ok(orjson.dumps(ARRIVALS)))
            ARRIVALS.clear()
        else:
            self._take(head.split(b" ", 2)[1].decode(), body)

    def _take(self, path: str, body: bytes) -> None:
        LAST[0] = body
        if message := MESSAGE.search(body):
            ARRIVALS.append((path, message[1].decode(), int(message[2]), time.time()))
        if path.startswith("/ok"):
            self.transport.write(NO_CONTENT)
        elif path.startswith("/slow"):
            wait = int(path.split("/")[2]) / 1000
            asyncio.get_running_loop().call_later(wait, self.transport.write, NO_CONTENT)


if __name__ == "__main__":
    uvloop.run(serve(Sink, int(sys.argv[1])))
