"""Proves that the database takes changes. In: a connection outside any transaction. Out: nothing, or the error.

A standby answers every read, and so does a primary that was made read-only: only a commit that reached the disk shows
that the hub can work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.store.connections import connect
from hub.store.statements import queries

if TYPE_CHECKING:
    from hub.store.pool import Connection


async def prove_writable(c: Connection) -> None:
    """Commit a transaction that changes no row; raise one of `DATABASE_ERRORS` where nothing can be written."""
    async with c.transaction():
        await queries.prove_writable(c)


async def prove_writable_at(dsn: str) -> None:
    """Prove it on a connection of its own, which depends on no pool."""
    c = await connect(dsn, "osr-hub readiness")
    try:
        await prove_writable(c)
    finally:
        c.terminate()
