"""How commands work in the database: on one connection, in one transaction when they change something."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

from hub.settings import load
from hub.store import connections
from hub.store.notifications import notify
from hub.store.people import SystemActor
from hub.store.reasons import in_words

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from hub.settings import Settings
    from hub.store.notifications import Channel
    from hub.store.pool import Connection

Answer = TypeVar("Answer")
ACTOR: Final = SystemActor.COMMAND_LINE


def run_query(work: Callable[[Connection, Settings], Awaitable[Answer]]) -> Answer:
    """Do the work on a connection of its own; raise `Unavailable` when the database does not answer."""
    settings = load()
    return asyncio.run(_run_query(work, settings))


def run_change(work: Callable[[Connection, Settings], Awaitable[Answer]], channels: Sequence[Channel]) -> Answer:
    """Do the work in one transaction, then notify these channels."""

    async def change(c: Connection, settings: Settings) -> Answer:
        async with c.transaction():
            answer = await work(c, settings)
        for channel in channels:
            await notify(c, channel)
        return answer

    return run_query(change)


async def connect(dsn: str, name: str) -> Connection:
    """Return a connection that the database shows under this name; raise an error in words when there is none."""
    with in_words():
        return await connections.connect(dsn, name, is_hot=True)


async def _run_query(work: Callable[[Connection, Settings], Awaitable[Answer]], settings: Settings) -> Answer:
    c = await connect(settings.database.url, "osr-hub command")
    try:
        return await work(c, settings)
    finally:
        await c.close()
