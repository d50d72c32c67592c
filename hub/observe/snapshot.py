"""A snapshot: the current state of a service's units at a destination. In: a destination. Out: pages of schools.

Nothing stays open between two pages. Each school is read at one moment, with the number of its lane at that moment: the
messages with higher numbers are exactly those that came later. So a reader that joins the stream school by school
misses nothing and applies nothing twice, whenever each page was read, and may continue behind any school.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.store import deliveries, snapshots

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from hub.envelopes import MessageRow
    from hub.store.observe import DestinationView
    from hub.store.pool import Connection
    from hub.store.snapshots import PlannedLane

SCHOOLS_PER_PAGE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolUnits:
    """The living units of a school, each as its newest message with the number before it, and the lane as it was."""

    lane: PlannedLane
    messages: Sequence[tuple[MessageRow, int]]


async def read_page(
    c: Connection, destination: DestinationView, service_code: str, after: str, today: date
) -> list[SchoolUnits]:
    """Read the next schools behind `after`, all of them at one moment; none is left when it is empty."""
    async with c.transaction(isolation="repeatable_read", readonly=True):
        lanes = await snapshots.lanes_after(c, destination.id, after, SCHOOLS_PER_PAGE)
        brins = [lane.brin for lane in lanes]
        newest = await deliveries.newest_per_unit(c, destination.id, service_code, None, brins) if brins else []
        runs_out = destination.kind == "duo"  # where no message says that an end date passed
        living = [unit.id for unit in newest if not unit.kind.is_end and not (runs_out and unit.ends_before(today))]
        messages = await deliveries.read_messages(c, living)
    by_school: dict[str, list[tuple[MessageRow, int]]] = {brin: [] for brin in brins}
    for row, previous in messages:
        by_school[row.brin].append((row, previous))
    return [SchoolUnits(lane=lane, messages=by_school[lane.brin]) for lane in lanes]
