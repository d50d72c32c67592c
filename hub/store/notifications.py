"""Notify by LISTEN/NOTIFY, one channel per kind of news; `hub.store.wakeups` does so often, and listens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

Channel = Literal["events", "lanes", "changes", "destinations"]


async def notify(
    connection: asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record], channel: Channel
) -> None:
    """Notify `channel` once, now; call it outside any transaction."""
    await connection.execute("select pg_notify($1, '')", f"osr_{channel}")
