"""What snapshots read: a position of the log, and the lanes of a destination in pages of schools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from hub.store.statements import queries

if TYPE_CHECKING:
    from hub.store.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLane:
    """A school's lane: the number of its newest delivery, and the school's number of its newest planned event."""

    brin: str
    tail: int
    planned_through: int


async def planned_position(c: Connection) -> int:
    """Return a position of the log up to which everything is planned."""
    return cast("int", await queries.read_planned_position(c))


async def lanes_after(c: Connection, destination: int, after: str, most: int) -> list[PlannedLane]:
    """Read the next lanes of a destination behind a school, in the order of schools."""
    return [
        PlannedLane(**row) for row in await queries.read_lanes_after(c, destination=destination, after=after, most=most)
    ]
