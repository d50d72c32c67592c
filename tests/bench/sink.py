"""A receiver for races: takes posts, answers at once, and remembers when each message of each lane came.

`python -m tests.bench.sink PORT`: OPTIONS gives consent, POST is taken, `GET /report` answers with JSON: per
(BRIN4, number) the moments.
"""

from __future__ import annotations

import sys
import time

import orjson
import uvloop

from tests.support.receivers.raw_http import CONSENT, MESSAGE, NO_CONTENT, Connection, ok, serve

ARRIVALS: list[tuple[str, int, float]] = []


class Sink(Connection):
    """A connection whose every request is answered at once."""

    def answer(self, head: bytes, body: bytes) -> None:
        """Take what is posted."""
        if head.startswith(b"OPTIONS"):
            self.transport.write(CONSENT)
        elif head.startswith(b"GET"):
            self.transport.write(ok(orjson.dumps(ARRIVALS)))
            ARRIVALS.clear()
        else:
            if message := MESSAGE.search(body):
                ARRIVALS.append((message[1].decode(), int(message[2]), time.time()))
            self.transport.write(NO_CONTENT)


if __name__ == "__main__":
    uvloop.run(serve(Sink, int(sys.argv[1])))
