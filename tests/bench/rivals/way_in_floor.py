"""The floor of the way in: a call that decides nothing. In: POST. Out: 201, when its event is on disk.

`python -m tests.bench.rivals.way_in_floor DSN PORT`. Bare Starlette on uvicorn with uvloop and httptools, and asyncpg:
each call locks and reads five rows of its own, inserts an event and its row of the outbox, and commits. Nobody is
asked for a token, nothing is checked, the answer is always the same, and nothing follows.
"""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

ROWS: Final = 5
CONNECTIONS: Final = 8
BODY: Final = b'{"id": "019c0000-0000-7000-8000-000000000000"}' + b" " * 600
TABLES: Final = """
create table known (id bigint primary key, counter bigint not null, body text not null);
create table events (id bigint primary key, body text not null);
create table outbox (id bigint generated always as identity primary key, event bigint not null);
"""
KNOWN: Final = "insert into known select n, 0, repeat('x', 200) from generate_series(0, $1 - 1) n"
READ: Final = "select id, counter, body from known where id = any($1::bigint[]) order by id for update"
WRITE: Final = "with event as (insert into events values ($1, $2)) insert into outbox (event) values ($1)"


async def prepare(dsn: str, calls: int) -> None:
    """Make the tables, with the rows that this many calls read."""
    c = await asyncpg.connect(dsn)
    await c.execute(TABLES)
    await c.execute(KNOWN, calls * ROWS)
    await c.execute("analyze")
    await c.close()


def create_app(dsn: str) -> Starlette:
    """Make the application."""

    @asynccontextmanager
    async def live(app: Starlette) -> AsyncIterator[None]:
        async with asyncpg.create_pool(dsn, min_size=CONNECTIONS, max_size=CONNECTIONS, reset=_keep) as app.state.pool:
            yield

    return Starlette(routes=[Route("/calls/{nth:int}", _call, methods=["POST"])], lifespan=live)


async def _call(request: Request) -> Response:
    nth: int = request.path_params["nth"]
    body = (await request.body()).decode()
    async with request.app.state.pool.acquire() as c, c.transaction():
        await c.fetch(READ, range(nth * ROWS, (nth + 1) * ROWS))
        await c.execute(WRITE, nth, body)
    return Response(BODY, 201, media_type="application/json")


async def _keep(_connection: Any) -> None:
    """Leave a connection as it is; the driver would ask the database to reset it after each call."""


if __name__ == "__main__":
    uvicorn.run(
        create_app(sys.argv[1]),
        port=int(sys.argv[2]),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
    )
