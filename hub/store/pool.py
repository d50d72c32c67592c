"""Connections to Postgres. In: a DSN. Out: a pool of few connections (few cores serve few connections best)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

if TYPE_CHECKING:
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
else:
    Pool = asyncpg.Pool
    Connection = asyncpg.Connection | PoolConnectionProxy

DATABASE_ERRORS: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""All errors of a statement, including the driver's own when a connection is cut in the middle of it."""
TRANSIENT_ERRORS: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
)
"""Errors that pass: the database is away, starts, is full, or rolled one of two transactions back."""


def is_transient(error: BaseException) -> bool:
    """Return whether a statement that failed so can succeed when it is repeated.

    A value that the driver cannot send is an `InterfaceError` too, and stays wrong however often it is sent.
    """
    return isinstance(error, TRANSIENT_ERRORS) and not isinstance(error, ValueError)


async def open_pool(dsn: str, *, name: str, max_size: int = 4, is_hot: bool = False) -> Pool:
    """Open a pool of at most `most` connections that show up as `name` in pg_stat_activity.

    A hot one serves the stages of the flow, whose statements all look up by key.
    """
    return await asyncpg.create_pool(
        dsn,
        min_size=max_size if is_hot else 1,
        max_size=max_size,
        command_timeout=60,
        init=prefer_index_lookups if is_hot else None,
        reset=skip_reset,
        server_settings={"application_name": f"osr-hub {name}"},
    )


async def prefer_index_lookups(c: Connection) -> None:
    """Make the planner look rows up by primary key, and plan each statement once.

    With a wrong guess of the rows in an array, or with old statistics, it would read a whole table now and then.
    """
    await c.execute(
        "set jit = off; set plan_cache_mode = force_generic_plan;"
        "set enable_hashjoin = off; set enable_mergejoin = off; set enable_seqscan = off"
    )


async def skip_reset(_: Connection) -> None:
    """Skip the driver's `reset all` when a connection is released.

    It would undo what `init` set, and cost a round trip. No statement changes the session, and the driver still rolls
    an open transaction back.
    """
