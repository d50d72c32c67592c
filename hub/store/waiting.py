"""Waits for the database at the start of a long-running process. In: its addresses. Out: a database that answers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from hub.errors import Unavailable
from hub.store.connections import connect
from hub.store.pool import DATABASE_ERRORS
from hub.store.reasons import explain

RETRY_SECONDS: Final = (0.2, 0.5, 1.0, 2.0)
log = structlog.get_logger(__name__)


async def wait_for_database(dsn: str, direct_dsn: str, stop: asyncio.Event) -> bool:
    """Return True once the database can be used, False when `stop` is set before.

    Raises `ConfigurationError` for what stays wrong until a person changes it: a password, a name, a pooler's mode.
    """
    tries = 0
    while not stop.is_set():
        try:
            await check_addresses(dsn, direct_dsn)
        except Unavailable as fault:
            log.warning("database.away", error=fault.detail, next="retry until it answers")
            await _pause(stop, RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
            tries += 1
        else:
            return True
    return False


async def check_addresses(dsn: str, direct_dsn: str) -> None:
    """Connect once by each address, by the direct one with a session; raise an error in words when that fails."""
    for address, needs_session in {dsn: dsn == direct_dsn, direct_dsn: True}.items():
        try:
            session = await connect(address, "osr-hub start", needs_session=needs_session)
        except DATABASE_ERRORS as error:
            raise explain(error) from error
        await session.close()


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
