"""A session of the database: the settings that the hub relies on, and connections that are thrown away when poisoned.

A role or a database may have settings of its own (time-outs, an isolation level, a time zone); those that would change
what statements mean or when they end are set here. They are set once per connection, or, where a pooler in transaction
mode lends another server to each transaction, at the start of every transaction, in the message that begins it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Mapping

    Driver = asyncpg.Connection[asyncpg.Record]
else:
    Driver = asyncpg.Connection

RELIED_ON: Final[Mapping[str, str]] = {
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "default_transaction_deferrable": "off",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "search_path": '"$user", public',
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "jit": "off",
}
"""Every connection has these; `default_transaction_read_only` is left as it is, because a failover uses it."""
SINCE_17: Final[Mapping[str, str]] = {"transaction_timeout": "0"}
ISOLATION: Final = "read committed"
ISOLATION_SETTING: Final = "default_transaction_isolation"
LOOK_UP_BY_KEY: Final[Mapping[str, str]] = {
    "plan_cache_mode": "force_generic_plan",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
}
"""Make the planner look rows up by primary key, and plan each statement once.

With a wrong guess of the rows in an array, or with old statistics, it would read a whole table now and then.
"""
POISON: Final = (
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,
    asyncpg.InvalidSQLStatementNameError,
    asyncpg.DuplicatePreparedStatementError,
)
"""After these a connection may stay unusable for ever: the server is no primary, or driver and server disagree."""
READ_ONLY_NOW: Final = ("default_transaction_read_only", "in_hot_standby")
"""What a server says of itself when it takes no changes; a session of such a time may keep that for ever."""
LONGEST_LIFE_SECONDS: Final = 1800.0
VERSION_17: Final = 17


class DatabaseSession(Driver):
    """A connection that knows whether it may be used again, and sets what must be set per transaction."""

    __slots__ = ("_opened_at", "_per_transaction", "is_poisoned")

    def __init__(self, *parts: Any) -> None:  # noqa: ANN401 - the driver's own, passed on
        super().__init__(*parts)
        self.is_poisoned = any(getattr(self.get_settings(), name, "off") == "on" for name in READ_ONLY_NOW)
        self._opened_at = time.monotonic()
        self._per_transaction = ""

    @property
    def is_old(self) -> bool:
        """Whether it has lived so long that a fresh one, perhaps to another address, is due."""
        return time.monotonic() - self._opened_at > LONGEST_LIFE_SECONDS

    async def set_up(self, settings: Mapping[str, str], *, per_transaction: bool) -> None:
        """Set these settings and the isolation level, now or at the start of every transaction."""
        since = SINCE_17 if self.get_server_version().major >= VERSION_17 else {}
        wanted = {**RELIED_ON, **since, **settings}
        if per_transaction:
            local = "".join(f" set local {name} = {_quote(value)};" for name, value in wanted.items())
            self._per_transaction = local
            return
        wanted[ISOLATION_SETTING] = ISOLATION
        await self.execute("".join(f"set {name} = {_quote(value)};" for name, value in wanted.items()))

    async def execute(self, query: str, *args: object, timeout: float | None = None) -> str:  # noqa: ASYNC109 - the driver's
        """Execute as the driver does; a transaction that begins gets its settings in the same message."""
        if self._per_transaction and query.startswith("BEGIN"):
            isolation = "" if "ISOLATION" in query else f" set transaction isolation level {ISOLATION};"
            query = f"{query}{isolation}{self._per_transaction}"
        try:
            return await super().execute(query, *args, timeout=timeout)
        except POISON:
            self.is_poisoned = True
            raise

    async def _do_execute(self, *args: Any, **more: Any) -> Any:  # noqa: ANN401 - the driver's one way to a statement
        try:
            if self._per_transaction and not self.is_in_transaction():
                async with self.transaction():
                    return await super()._do_execute(*args, **more)  # type: ignore[misc]
            return await super()._do_execute(*args, **more)  # type: ignore[misc]
        except POISON:
            self.is_poisoned = True
            raise


def _quote(value: str) -> str:
    """Return a value as a literal, or as a list of them where it is one."""
    if '"$user"' in value:
        return value
    return ", ".join(f"'{part.strip()}'" for part in value.replace("'", "''").split(","))
