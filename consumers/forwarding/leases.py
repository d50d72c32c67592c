"""The lanes that a forwarder has in hand. In: permits. Out: leased lanes with their letters.

A lease whose answer was lost, because the database went away in between, belongs to somebody who does not know of it:
before the next one such lanes are given back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from hub import faults
from hub.store import lanes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hub.processes.heartbeat import Heartbeat
    from hub.settle import LaneResult
    from hub.store.lanes import Lease, QueuedDelivery
    from hub.store.pool import Connection, Pool

LETTERS_PER_TURN: Final = 40
LETTERS_AT_ONCE: Final = 2000
"""More would be read and written in one breath of a second or more, and the heart would miss its beats meanwhile."""
log = structlog.get_logger(__name__)


class Leases:
    """Leases, from the moment they are taken until they are settled."""

    def __init__(self, pool: Pool, heartbeat: Heartbeat) -> None:
        self._pool = pool
        self._heartbeat = heartbeat
        self._leases: set[tuple[int, str, int]] = set()
        self._is_unsure = False

    async def take(self, permits: Mapping[int, int]) -> list[tuple[Lease, list[QueuedDelivery]]]:
        """Lease due lanes and read what they hold."""
        async with self._pool.acquire() as c:
            if self._is_unsure:
                await self._give_back(c)
            self._is_unsure = True
            leases = await lanes.lease(c, self._heartbeat.process, permits)
            if leases:
                faults.here("forward.leased")
            deliveries = await lanes.read(c, leases, _deliveries_per_lane(len(leases))) if leases else {}
            self._is_unsure = False
        self._leases |= {(x.destination, x.brin, x.token) for x in leases}
        return [(x, deliveries[x.destination, x.brin]) for x in leases]

    def drop(self, runs: Iterable[LaneResult]) -> None:
        """Forget lanes that were settled."""
        self._leases -= {(x.destination, x.brin, x.token) for x in (run.standing.lease for run in runs)}

    async def _give_back(self, c: Connection) -> None:
        lost = await lanes.return_lost_leases(c, self._heartbeat.process, self._leases)
        if lost:
            log.warning("lanes.given_back", lanes=len(lost), next="they are due again")


def _deliveries_per_lane(lanes_in_hand: int) -> int:
    """Say how many letters of each lane may be read: all that a turn carries, unless they were too many together."""
    return max(1, min(LETTERS_PER_TURN, LETTERS_AT_ONCE // lanes_in_hand))
