"""A server that does nothing of its own: what an attack costs others here is the machine's doing.

`python -m tests.support.servers.bare_server PORT DSN`. A call for the status of a school makes as many round trips to
the database as in the hub, of `select 1`; every other call is answered by a constant, whatever its body.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import asyncpg
import uvicorn
import uvloop

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

ROUND_TRIPS: Final = 9
"""Of the status of a school without mandates: its transaction begins, reads seven times, and ends."""
_HEADERS: Final = [(b"content-length", b"2")]


class BareApplication:
    """Answers everything with an empty object."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"].endswith("/status"):
            async with self._pool.acquire() as c:
                for _ in range(ROUND_TRIPS):
                    await c.fetchval("select 1")
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": b"{}"})


async def serve(port: int, dsn: str) -> None:
    """Serve until the process is ended."""
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        config = uvicorn.Config(
            BareApplication(pool), port=port, lifespan="off", access_log=False, log_level="critical"
        )
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2]))
