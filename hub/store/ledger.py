"""The ledger epoch: receivers see that the hub was restored from a backup."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hub.store.statements import queries

if TYPE_CHECKING:
    from hub.store.pool import Connection


async def epoch(c: Connection) -> int:
    """Return the ledger epoch: one more than the number of restores from a backup."""
    return cast("int", await queries.read_ledger_epoch(c))


async def raise_epoch(c: Connection) -> int:
    """Raise the ledger epoch after a restore and return it."""
    return cast("int", await queries.raise_ledger_epoch(c))
