"""Sums over lanes, again and again. In: the numbers of deliveries per status. Out: `LaneSums` per destination.

A hub has a lane per school and destination, and most of them have nothing to send. So a read looks at the lanes that
wait; how many there are in all, and which are leased, is read from all lanes now and then, and kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.domain.delivery import IN_LANE
from hub.store import lane_sums, tallies

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.domain.keys import LaneKey
    from hub.store.lane_sums import LaneSums
    from hub.store.pool import Connection
    from hub.store.tallies import Tally

TOTALS_FOR: Final = timedelta(minutes=1)
LEASES_FOR: Final = timedelta(seconds=4)
"""Shorter than a message may wait before it is late: a lane that is late and leased is always among those known."""


@dataclass(slots=True)
class LaneWatch:
    """Reads the sums; keeps the number of lanes, and which are leased, between reads."""

    _totals: dict[int, int] = field(default_factory=dict)
    _totals_at: datetime | None = None
    _leased: list[LaneKey] = field(default_factory=list)
    _leased_at: datetime | None = None

    async def read(self, c: Connection, now: datetime, counted: Mapping[Tally, int]) -> dict[int, LaneSums]:
        """Return the sums of each destination that has lanes; `counted` are deliveries per status."""
        busy = sorted({destination for (destination, status, _), n in counted.items() if status in IN_LANE and n > 0})
        if is_over(self._totals_at, now, TOTALS_FOR):
            self._totals, self._totals_at = await lane_sums.count_lanes(c), now
        if busy and is_over(self._leased_at, now, LEASES_FOR):
            self._leased, self._leased_at = await lane_sums.leased_lanes(c), now
        return await lane_sums.sum_lanes(c, self._totals, self._leased if busy else (), busy)

    @property
    def leased(self) -> list[LaneKey]:
        """The lanes that were leased when all were last read."""
        return self._leased


async def lane_sums_now(c: Connection, now: datetime) -> dict[int, LaneSums]:
    """Return the sums of each destination once."""
    return await LaneWatch().read(c, now, await tallies.totals(c))


def is_over(since: datetime | None, now: datetime, kept: timedelta) -> bool:
    """Return whether what was read at `since` may no longer be used."""
    return since is None or not since <= now <= since + kept
