"""What is overdue. In: limits per destination. Out: how many deliveries are older, counted up to a bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.domain.ids import lowest_at
from hub.store.lane_sums import MOST_WAITING
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    from hub.domain.keys import LaneKey
    from hub.store.pool import Connection

MOST_LOOKED_AT: Final = 5000
"""How many deliveries are looked at for those of a destination without a report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsentLimit:
    """What waits since before `before` is overdue, without the time of the last hold of the destination."""

    destination: int
    before: datetime
    held_from: datetime | None
    held_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnprocessedLimit:
    """What was taken and has no report within `limit` is overdue; reports were read up to `read_until`."""

    destination: int
    first: UUID
    """The first delivery without a report."""
    read_until: datetime
    limit: timedelta
    leaves_to_schools: bool
    """Whether `in_progress` means that it is the turn of the school."""


async def count_unsent(c: Connection, limits: Sequence[UnsentLimit], leased: Collection[LaneKey]) -> dict[int, int]:
    """Count what was not sent in time, up to `MOST_WAITING` per destination; `leased` are lanes that may be leased."""
    rows = await queries.count_overdue_unsent(
        c,
        destinations=[each.destination for each in limits],
        befores=[each.before for each in limits],
        held_froms=[each.held_from for each in limits],
        held_untils=[each.held_until for each in limits],
        leased_at=[key.destination for key in leased],
        leased=[key.brin for key in leased],
        most=MOST_WAITING,
    )
    return {row["destination"]: row["overdue"] for row in rows}


async def count_unprocessed(c: Connection, limits: Sequence[UnprocessedLimit]) -> dict[int, tuple[int, bool]]:
    """Count what was not reported on in time, and say whether there may be more than were looked at."""
    rows = await queries.count_overdue_unprocessed(
        c,
        destinations=[each.destination for each in limits],
        lows=[each.first for each in limits],
        highs=[lowest_at(each.read_until - each.limit) for each in limits],
        read_untils=[each.read_until for each in limits],
        seconds=[each.limit.total_seconds() for each in limits],
        leave_to_schools=[each.leaves_to_schools for each in limits],
        most=MOST_LOOKED_AT,
    )
    return {row["destination"]: (row["overdue"], row["looked_at"] >= MOST_LOOKED_AT) for row in rows}
