"""Finds out whether a pooler stands before the database. In: an address. Out: its mode, remembered by this process.

A pooler gives its clients process numbers that are not the server's own. In session mode a connection keeps its server;
in transaction mode two connections share one, which two of ours that take turns soon notice.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

import asyncpg

from hub.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hub.store.database_session import DatabaseSession

Open: TypeAlias = "Callable[[], Awaitable[DatabaseSession]]"
OWN_PROCESS: Final = "select pg_backend_pid()"
ROUNDS: Final = 3
ROUND_SECONDS: Final = 2.0
_found: dict[object, PoolerMode] = {}


class PoolerMode(StrEnum):
    """What stands between this process and the server."""

    NONE = "none"
    SESSION = "session"
    TRANSACTION = "transaction"


async def find_pooler(address: object, open_one: Open) -> PoolerMode:
    """Return the mode of the pooler at this address; `open_one` opens a bare connection without cached statements."""
    if address not in _found:
        _found[address] = await _look(open_one)
    return _found[address]


async def _look(open_one: Open) -> PoolerMode:
    first = await open_one()
    try:
        if await first.fetchval(OWN_PROCESS) == first.get_server_pid():
            return PoolerMode.NONE
        try:
            async with asyncio.timeout(ROUND_SECONDS):
                second = await open_one()
                try:
                    shares = await _share_a_server(first, second)
                finally:
                    second.terminate()
        except TimeoutError:  # the first keeps the only server
            return PoolerMode.SESSION
        return PoolerMode.TRANSACTION if shares else PoolerMode.SESSION
    finally:
        first.terminate()


async def _share_a_server(first: DatabaseSession, second: DatabaseSession) -> bool:
    for _ in range(ROUNDS):
        before = await first.fetchval(OWN_PROCESS)
        try:
            async with second.transaction():
                other, after = await second.fetchval(OWN_PROCESS), await first.fetchval(OWN_PROCESS)
        except asyncpg.ProtocolViolationError as error:
            raise ConfigurationError(
                f"the pooler before the database keeps no transaction together: {error}",
                next_step="Set its pool mode to transaction or session.",
            ) from error
        if before == other or before != after:
            return True
    return False
