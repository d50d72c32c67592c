"""Session-level advisory locks for roles that run once, taken past any pooler on connections of their own."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from hub.store.connections import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from hub.store.pool import Connection

RELAY: Final = 0x05B_0001
CALENDAR: Final = 0x05B_0002
CHANGES: Final = 0x05B_0003
WATCH: Final = 0x05B_0005
RETRY_SECONDS = 0.5
COMMAND_SECONDS: Final = 60.0
"""A connection that was cut without a word is not waited for longer."""


@asynccontextmanager
async def hold_advisory_lock(
    dsn: str, lock: int, waiting: Callable[[], None] = lambda: None
) -> AsyncIterator[Connection]:
    """Wait until no other process holds `lock`, then hold it on the connection that is yielded.

    `waiting` is called after each try while another process holds it.
    The lock ends with its connection: work that must not go on without it uses that connection.
    """
    connection = await connect(dsn, "osr-hub lock", is_hot=True, needs_session=True, command_timeout=COMMAND_SECONDS)
    try:
        while not await connection.fetchval("select pg_try_advisory_lock($1)", lock):
            waiting()
            await asyncio.sleep(RETRY_SECONDS)
        yield connection
    finally:
        connection.terminate()
