"""Sums over the lanes of each destination. In: lanes that wait, by their indexes. Out: `LaneSums`.

No index finds leased lanes, because it would cost each lease; the caller keeps them, and reads them anew now and then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hub.domain.ids import time_of
from hub.domain.keys import LaneKey
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from hub.store.pool import Connection

MOST_WAITING: Final = 1000
"""How many waiting lanes of a destination are looked at from each end of the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OldestUnsent:
    """The delivery that waits longest to be sent, held or not; it waits since its event, or since it was planned."""

    recorded_at: datetime
    failed_since: datetime | None
    is_held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSums:
    """Sums over the lanes of a destination, and over its held lanes."""

    lanes: int = 0
    due: int = 0
    leased: int = 0
    held: int = 0
    """Held lanes with something to send."""
    held_waiting: int = 0
    held_retrying: int = 0
    waits_since: datetime | None = None
    """Since when the oldest delivery outside held lanes waits."""
    oldest: OldestUnsent | None = None
    held_brins: tuple[str, ...] = ()
    """Schools that are held while the destination is open."""
    released_brins: tuple[str, ...] = ()
    """Schools that are released while the destination is held."""

    @property
    def busy(self) -> int:
        """How many lanes are sending, or wait to send."""
        return self.due + self.leased

    @property
    def idle(self) -> int:
        """How many lanes have nothing to send."""
        return max(0, self.lanes - self.busy - self.held)


async def count_lanes(c: Connection) -> dict[int, int]:
    """Count the lanes of each destination; this reads an index with an entry per lane."""
    return {row["destination"]: row["n"] for row in await queries.count_lanes(c)}


async def leased_lanes(c: Connection) -> list[LaneKey]:
    """Find the leased lanes; this reads all lanes."""
    return [LaneKey(row["destination"], row["brin"]) for row in await queries.find_leased_lanes(c)]


async def sum_lanes(
    c: Connection, totals: Mapping[int, int], leased: Collection[LaneKey], busy: Collection[int]
) -> dict[int, LaneSums]:
    """Return the sums; `leased` are lanes that may still be leased, `busy` destinations that have something to send."""
    drafts: dict[int, dict[str, Any]] = {destination: {"lanes": n} for destination, n in totals.items()}
    lanes = {"destinations": [key.destination for key in leased], "brins": [key.brin for key in leased]}
    _add(drafts, await queries.sum_due_lanes(c), {"lanes": "due"})
    _add(drafts, await queries.sum_leased_lanes(c, **lanes), {"lanes": "leased"})
    held = {"lanes": "held", "waiting": "held_waiting", "retrying": "held_retrying"}
    _add(drafts, await queries.sum_held_lanes(c), held)
    for row in await queries.find_lanes_held_otherwise(c):
        name = "held_brins" if row["is_held"] else "released_brins"
        drafts.setdefault(row["destination"], {})[name] = tuple(row["brins"])
    for row in await queries.find_oldest_unsent(c, busy=list(busy), most=MOST_WAITING, **lanes):
        drafts.setdefault(row["destination"], {}).update(waits_since=row["waits_since"], oldest=_oldest(row))
    return {destination: LaneSums(**draft) for destination, draft in drafts.items()}


def _add(drafts: dict[int, dict[str, Any]], rows: Iterable[Mapping[str, Any]], names: Mapping[str, str]) -> None:
    for row in rows:
        drafts.setdefault(row["destination"], {}).update({ours: row[column] for column, ours in names.items()})


def _oldest(row: Mapping[str, Any]) -> OldestUnsent:
    recorded = time_of(row["id"]) if row["was_planned_by_event"] else row["planned_at"]
    return OldestUnsent(recorded_at=recorded, failed_since=row["failed_since"], is_held=row["is_held"])
