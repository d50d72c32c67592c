"""The ledger as a whole: its epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hub.store.statements import queries

if TYPE_CHECKING:
    from hub.store.pool import Connection


async def epoch(c: Connection) -> int:
    """Read the number that rises when the hub was restored from a backup."""
    return cast("int", await queries.read_ledger_epoch(c))
