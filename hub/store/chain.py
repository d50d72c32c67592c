"""Verify the audit. In: one snapshot. Out: entries, heads of chains and anchors that do not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.store.consistency import BrokenRow
from hub.store.statements import queries

if TYPE_CHECKING:
    from hub.store.consistency import Row
    from hub.store.pool import Connection


async def find_broken(c: Connection, most: int) -> list[BrokenRow]:
    """Find entries that were changed, removed, inserted or moved; at most `most` of each kind."""
    return [
        *[
            _about(row, f"entry {row['number']} (id {row['id']}) does not follow from entry {row['expected'] - 1}")
            for row in await queries.find_broken_audit_entries(c, most=most)
        ],
        *[_about(row, _end(row)) for row in await queries.find_broken_heads(c, most=most)],
        *[
            BrokenRow(
                detail=f"the anchor of {row['day']} does not follow from the anchor before and its {row['n']} heads"
            )
            for row in await queries.find_broken_anchors(c, most=most)
        ],
        *[
            _about(row, f"entry {row['length']} is not as it was anchored on {row['day']}")
            for row in await queries.find_lost_heads(c, most=most)
        ],
        *[
            BrokenRow(detail=f"the anchor of {row['day']} has an entry, and is not there as that says")
            for row in await queries.find_lost_anchors(c, most=most)
        ],
    ]


def _end(row: Row) -> str:
    if row["length"] is None:
        return f"{row['n']} entries belong to no chain"
    return f"the chain ends at entry {row['length']} and holds {row['n'] or 0} entries, the last is {row['last']}"


def _about(row: Row, detail: str) -> BrokenRow:
    chain: str = row["chain"]
    return BrokenRow(brin=chain or None, detail=detail if chain else f"{detail} (of what has no school)")
