"""How the doctor's checks ask the database. In: the settings. Out: a connection, of the newest schema where asked."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from hub.commands.database import connect
from hub.errors import Unavailable
from hub.store.migrations import is_current

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.settings import Settings
    from hub.store.pool import Connection


@asynccontextmanager
async def open_current(settings: Settings) -> AsyncIterator[Connection]:
    """Connect for as long as the block; raise `Unavailable` when the database is away or of another schema."""
    async with open_any(settings) as c:
        if not await is_current(c):
            raise Unavailable(
                "it is not known while the database has another schema", next_step="Run `osr-hub migrate`"
            )
        yield c


@asynccontextmanager
async def open_any(settings: Settings) -> AsyncIterator[Connection]:
    """Connect to a database of whatever schema for as long as the block."""
    c = await connect(settings.database.url, "osr-hub doctor")
    try:
        yield c
    finally:
        c.terminate()
