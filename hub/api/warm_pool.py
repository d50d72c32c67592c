"""Keeps connections ready for callers. In: the pool of the requests. Out: the same, full, each connection used before.

A fresh connection costs its first caller ten times an answer: the server starts a process that knows no table yet, and
the driver asks it for types and prepares each statement. So no caller is the first, however many come at once.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Final

from asyncpg import PostgresError

from hub.clock import now, today
from hub.errors import ConfigurationError
from hub.observe.status import school_status
from hub.store.pool import DATABASE_ERRORS
from schemas.identifiers import Brin

if TYPE_CHECKING:
    from hub.store.pool import Connection, Pool

LOOK_SECONDS: Final = 2.0
_ANY_SCHOOL: Final = Brin("00AA")


async def warm_up(c: Connection) -> None:
    """Read once what callers read most, which touches nearly all tables; what is wrong, a call finds by itself."""
    at = now()
    with suppress(PostgresError):
        await school_status(c, _ANY_SCHOOL, at, today(at))


async def keep_full(pool: Pool) -> None:
    """Open the connections of a pool before they are needed, also those that replace old or broken ones."""
    while True:
        with suppress(*DATABASE_ERRORS, ConfigurationError):  # readiness and each call tell that
            await fill(pool)
        await asyncio.sleep(LOOK_SECONDS)


async def fill(pool: Pool) -> None:
    """Open all connections that the pool may have."""
    async with AsyncExitStack() as held:
        while pool.get_size() < pool.get_max_size():
            await held.enter_async_context(pool.acquire())
