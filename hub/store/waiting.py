"""Waits for the database at the start of a long-running process. In: its addresses. Out: a database that answers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog

from hub.errors import Unavailable
from hub.store.connections import connect
from hub.store.pool import DATABASE_ERRORS
from hub.store.reasons import explain

if TYPE_CHECKING:
    from hub.settings import Database

RETRY_SECONDS: Final = (0.2, 0.5, 1.0, 2.0)
log = structlog.get_logger(__name__)


async def wait_for_database(database: Database, stop: asyncio.Event, *, needs_session: bool) -> bool:
    """Return True once the database can be used, False when `stop` is set before.

    Raises `ConfigurationError` for what stays wrong until a person changes it: a password, a name, a pooler's mode.
    """
    tries = 0
    while not stop.is_set():
        try:
            await check_addresses(database, needs_session=needs_session)
        except Unavailable as fault:
            log.warning("database.away", error=fault.detail, next="retry until it answers")
            await _pause(stop, RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
            tries += 1
        else:
            return True
    return False


async def check_addresses(database: Database, *, needs_session: bool) -> None:
    """Connect once by each address, by the direct one with a session; raise an error in words when that fails."""
    addresses = {database.url: False} | ({database.direct_url: True} if needs_session else {})
    for address, is_direct in addresses.items():
        try:
            session = await connect(address, "osr-hub start", needs_session=is_direct)
        except DATABASE_ERRORS as error:
            raise explain(error) from error
        await session.close()


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
