"""What missed its objective and is not done yet. In: lanes that wait, the oldest deliveries. Out: `Overdue`.

It decides by whose turn it is, as the ages do: a held lane and a destination without a receiver are not late, the time
that a destination was held is left out (as in the statement of a month), a step of the school is the school's, and what
DUO wrote and the hub has not read yet does not make DUO late. Nothing is counted where the oldest message is in time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.domain.ids import time_of
from hub.domain.objective import Objective, Overdue
from hub.observe.lane_watch import is_over
from hub.store.lane_sums import MOST_WAITING
from hub.store.overdue import UnprocessedLimit, UnsentLimit, count_unprocessed, count_unsent

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from hub.domain.keys import LaneKey
    from hub.observe.oldest import OldestDeliveries
    from hub.store.lane_sums import LaneSums
    from hub.store.observe import DestinationView
    from hub.store.pool import Connection

KEPT_FOR: Final = timedelta(seconds=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedDeliveries:
    """What a destination has not done: its objective, its lanes that wait, the oldest of its deliveries."""

    destination: DestinationView
    objective: Objective
    lanes: LaneSums
    oldest: OldestDeliveries

    def unsent_limit(self, now: datetime) -> UnsentLimit | None:
        """Return from when on a message waits too long to be sent; None when none does."""
        before = now - timedelta(seconds=self.objective.transport_seconds)
        since = self.lanes.waits_since
        if not self.destination.has_receiver or since is None or since >= before:
            return None
        return UnsentLimit(
            destination=self.destination.id,
            before=before,
            held_from=self.destination.held_from,
            held_until=self.destination.held_until,
        )

    def unprocessed_limit(self, now: datetime) -> UnprocessedLimit | None:
        """Return after how long a message waits too long for its report; None when none does."""
        first, limit = self.oldest.unprocessed, timedelta(seconds=self.objective.processing_seconds)
        read_until = min(self.oldest.unread_since or now, now)
        if first is None or time_of(first.id) >= read_until - limit:
            return None
        return UnprocessedLimit(
            destination=self.destination.id,
            first=first.id,
            read_until=read_until,
            limit=limit,
            leaves_to_schools=self.destination.kind != "duo",
        )


@dataclass(slots=True)
class OverdueWatch:
    """Counts what is overdue; keeps the numbers for a few seconds, unless an objective changes."""

    _found: dict[int, Overdue] = field(default_factory=dict)
    _objectives: dict[int, Objective] = field(default_factory=dict)
    _read_at: datetime | None = None

    async def read(
        self, c: Connection, now: datetime, unfinished: Sequence[UnfinishedDeliveries], leased: Collection[LaneKey]
    ) -> dict[int, Overdue]:
        """Return what is overdue per destination; `leased` are lanes that may be leased."""
        objectives = {each.destination.id: each.objective for each in unfinished}
        if objectives != self._objectives or is_over(self._read_at, now, KEPT_FOR):
            self._found = await _count(c, now, unfinished, leased)
            self._objectives, self._read_at = objectives, now
        return self._found


async def _count(
    c: Connection, now: datetime, unfinished: Sequence[UnfinishedDeliveries], leased: Collection[LaneKey]
) -> dict[int, Overdue]:
    waiting = [limit for each in unfinished if (limit := each.unsent_limit(now)) is not None]
    taken = [bound for each in unfinished if (bound := each.unprocessed_limit(now)) is not None]
    unsent = await count_unsent(c, waiting, leased) if waiting else {}
    unprocessed = await count_unprocessed(c, taken) if taken else {}
    found = {}
    for each in unfinished:
        n, (unreported, has_more) = unsent.get(each.destination.id, 0), unprocessed.get(each.destination.id, (0, False))
        skips_lanes = each.destination.id in unsent and each.lanes.due > 2 * MOST_WAITING
        found[each.destination.id] = Overdue(
            transport=n, processing=unreported, is_at_least=has_more or n >= MOST_WAITING or skips_lanes
        )
    return found
