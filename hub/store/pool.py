"""Pools of connections to Postgres. In: a DSN. Out: a pool of few connections, because few cores serve few best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from hub.store.connections import connect
from hub.store.database_session import DatabaseSession

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    WarmUp: TypeAlias = Callable[[asyncpg.Connection[asyncpg.Record]], Awaitable[None]]
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
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidSQLStatementNameError,
    asyncpg.DuplicatePreparedStatementError,
)
"""Errors that pass: the database is away, starts, is full, moves elsewhere, or rolled one of two transactions back."""
COMMAND_SECONDS: Final = 60.0
IDLE_SECONDS: Final = 300.0


def is_transient(error: BaseException) -> bool:
    """Return whether a statement that failed so can succeed when it is repeated.

    A value that the driver cannot send is an `InterfaceError` too, and stays wrong however often it is sent.
    """
    return isinstance(error, TRANSIENT_ERRORS) and not isinstance(error, ValueError)


async def open_pool(
    dsn: str,
    *,
    name: str,
    max_size: int = 4,
    is_hot: bool = False,
    is_lazy: bool = False,
    warm_up: WarmUp | None = None,
) -> Pool:
    """Open a pool of at most `max_size` connections that show up as `name` in pg_stat_activity.

    A hot one serves the stages of the flow, whose statements all look up by key. A lazy one connects when it is first
    used. With `warm_up` each connection is used before it is lent, and then kept however long it is idle.
    """

    async def drop_unusable(c: Connection) -> None:
        """Close a connection that must not be used again, instead of the driver's `reset all`.

        That would undo what the session was set up with, and cost a round trip. No statement changes the session, and
        the driver still rolls an open transaction back.
        """
        session = cast("DatabaseSession", c)
        if session.is_poisoned:
            await pool.expire_connections()  # those opened at the same time are no better
            session.terminate()
        elif session.is_old:
            await session.close()

    pool = asyncpg.create_pool(
        min_size=0,  # the driver's own upkeep of a floor would log a traceback per second while the database is away
        init_size=0 if is_lazy else max_size if is_hot else 1,
        max_size=max_size,
        max_inactive_connection_lifetime=IDLE_SECONDS if warm_up is None else 0.0,
        connect=_opener(dsn, f"osr-hub {name}", is_hot=is_hot, warm_up=warm_up),
        connection_class=DatabaseSession,
        reset=cast("Any", drop_unusable),
    )
    return await pool


def _opener(dsn: str, name: str, *, is_hot: bool, warm_up: WarmUp | None) -> Any:  # noqa: ANN401 - as the driver has it
    async def open_one(*_: object, **__: object) -> DatabaseSession:
        session = await connect(dsn, name, is_hot=is_hot, command_timeout=COMMAND_SECONDS)
        if warm_up is not None:
            try:
                await warm_up(session)
            except BaseException:  # who waited for it may have gone: nobody else would close it
                session.terminate()
                raise
        return session

    return open_one
