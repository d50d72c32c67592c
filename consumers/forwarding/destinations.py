"""All destinations as one forwarder knows them. In: rows, decided changes. Out: permits, rows written.

What one forwarder learns is written to `destinations`, and the notification `destinations` makes the others read it.
"""

from __future__ import annotations

import random
import time
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

import structlog

from consumers.forwarding.destination import LAS_PERMITS, Destination
from consumers.forwarding.pauses import Pauses
from hub.domain import circuit, pace
from hub.domain.fairness import Demand, allocate
from hub.store import destinations as store
from hub.store.notifications import notify
from hub.subscribe.notices import note_misconfigured

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from consumers.forwarding.webhooks import Endpoint
    from hub.clock import LedgerClock
    from hub.domain.circuit import CircuitOpened
    from hub.domain.pace import SlowedDown
    from hub.store.pool import Pool

LANES_AT_ONCE: Final = 1500
"""To all webhooks together; queues hold no connection for long and do not count."""
LANES_ALWAYS: Final = 16
PROBE_SECONDS: Final = 20.0
CLOCK_WENT_BACK_SECONDS: Final = 2.0
READ_AS_IT_IS: Final = ("circuit", "openings", "concurrency_limit", "slowed_at", "is_paused", "probe_is_due")
log = structlog.get_logger(__name__)


class Destinations:
    """All destinations, refreshed each second and on the notification `destinations`."""

    def __init__(self, pool: Pool, clock: LedgerClock, probe_seconds: float = PROBE_SECONDS) -> None:
        self._pool = pool
        self._clock = clock  # set here alone, by no heartbeat: only the first to set it learns of a jump
        self._probe_seconds = probe_seconds
        self._destinations: dict[int, Destination] = {}
        self.pauses = Pauses()
        self.lanes_at_once = LANES_AT_ONCE

    def __getitem__(self, destination: int) -> Destination:
        return self._destinations[destination]

    def __iter__(self) -> Iterator[Destination]:
        return iter(self._destinations.values())

    def now(self) -> datetime:
        """Return the time on the clock that all forwarders share."""
        return self._clock.now()

    def permits(self) -> dict[int, int]:
        """Return how many lanes may be leased per destination."""
        now = self.now()
        free = [each for each in self if not self.pauses.holds(each.id)]
        queues = {each.id: n for each in free if each.topic is not None and (n := each.permits(now))}
        demands = {
            each.id: Demand(each.permits(now), each.in_flight, each.has_backlog) for each in free if each.topic is None
        }
        if self.lanes_at_once == LANES_AT_ONCE:
            return queues | allocate(demands, LANES_AT_ONCE, LANES_ALWAYS)
        return queues | self._share_what_is_left(demands)

    def fit_into(self, files_left: int) -> None:
        """Lease no more lanes to webhooks at once than this process may have connections."""
        in_use = sum(each.in_flight for each in self if each.topic is None)
        self.lanes_at_once = max(1, min(LANES_AT_ONCE, in_use + files_left))

    def _share_what_is_left(self, demands: Mapping[int, Demand]) -> dict[int, int]:
        """Share the connections that this process may still have; where there are too few, chance decides."""
        left = max(1, self.lanes_at_once - sum(demand.in_use for demand in demands.values()))
        shares = list(allocate(demands, self.lanes_at_once, 1).items())
        random.shuffle(shares)
        permits = dict[int, int]()
        for destination, wanted in shares:
            if left:
                permits[destination] = min(wanted, left)
                left -= permits[destination]
        return permits

    def served(self, offered: Collection[int], leased: Collection[int]) -> None:
        """Note which of the destinations that were offered permits used any."""
        for destination in offered:
            self._destinations[destination].has_backlog = destination in leased

    async def refresh(self, endpoints: Mapping[int, Endpoint]) -> None:
        """Read all destinations, raise the limits that may rise, and claim the probes that are due."""
        started = time.monotonic()
        async with self._pool.acquire() as c:
            rows = await store.read(c)
            if rows and self._clock.set(rows[0]["at"]) < -CLOCK_WENT_BACK_SECONDS:
                log.warning("clock.went_back", next="all waiting lanes made due")
                async with c.transaction():
                    await store.reset_deadlines(c)
                rows = await store.read(c)
            if accepted := self._unwritten_acceptances():
                await store.write_accepted(c, accepted)
        for row in rows:
            self._update(row, endpoints.get(row["id"]), started)
        for each in self:
            if each.probe_is_due and each.is_open:
                await self._claim_probe(each)
        await self._raise_limits()

    def _unwritten_acceptances(self) -> dict[int, datetime]:
        accepted = {each.id: each.accepted_at for each in self if each.is_acceptance_unwritten and each.accepted_at}
        for destination in accepted:
            self._destinations[destination].is_acceptance_unwritten = False
        return accepted

    def _update(self, row: Mapping[str, Any], endpoint: Endpoint | None, read_at: float) -> None:
        destination = self._destinations.get(row["id"])
        if destination is None:
            destination = Destination(id=row["id"], name=row["name"], kind=row["kind"], topic=row["topic"])
            self._destinations[destination.id] = destination
        destination.is_open, destination.endpoint = row["is_open"], endpoint
        destination.accepted_at = max(filter(None, (destination.accepted_at, row["accepted_at"])), default=None)
        if destination.changed_at > read_at:
            return
        for name in READ_AS_IT_IS:
            setattr(destination, name, row[name])
        destination.is_probing = destination.is_probing and destination.circuit == "half_open"

    async def _claim_probe(self, destination: Destination) -> None:
        rotates = circuit.rotates(destination.openings)
        with destination.changing():
            async with self._pool.acquire() as c, c.transaction():
                is_ours = await store.claim_probe(c, destination.id, self._probe_seconds, rotates=rotates)
            if is_ours:
                destination.circuit, destination.is_probing, destination.probe_is_due = "half_open", True, False
                log.info("circuit.half_opened", destination=destination.name, next="one message probes it")

    async def _raise_limits(self) -> None:
        for each in self:
            has_accepted, each.has_accepted = each.has_accepted, False
            if each.concurrency_limit is None:
                continue
            limit = pace.doubled(each.concurrency_limit, LAS_PERMITS)
            async with self._pool.acquire() as c:
                raised = await store.raise_limit(c, each.id, (each.concurrency_limit, limit), has_accepted=has_accepted)
            if not raised:
                continue
            each.concurrency_limit = limit
            if limit is None:
                log.info("destination.recovered", destination=each.name)

    async def close_circuit(self, destination: Destination) -> None:
        """Close a circuit for all forwarders and make all lanes of its destination due."""
        async with self._pool.acquire() as c:
            with destination.changing():
                async with c.transaction():
                    await store.close_circuit(c, destination.id)
            destination.circuit, destination.is_probing, destination.openings = "closed", False, 0
            log.info("circuit.closed", destination=destination.name, next="all its lanes made due")
            await notify(c, "destinations")
            await notify(c, "lanes")

    async def open_circuit(self, destination: Destination, opened: CircuitOpened) -> None:
        """Open a circuit for all forwarders."""
        before, destination.circuit, destination.is_probing = destination.circuit, "open", False
        destination.probe_is_due = False
        async with self._pool.acquire() as c:
            with destination.changing():
                async with c.transaction():
                    is_ours = await store.open_circuit(c, destination.id, opened, before)
                    if is_ours and opened.cause == "misconfigured":
                        await note_misconfigured(c, destination.id, opened.since, opened.error)
            if is_ours:
                destination.openings += 1
                log.warning(
                    "circuit.opened",
                    destination=destination.name,
                    cause=opened.cause,
                    error=opened.error,
                    next=f"a probe at {opened.probe_at.astimezone(UTC):%H:%M:%S} UTC",
                )
                await notify(c, "destinations")

    async def slow_down(self, destination: Destination, slowed: SlowedDown) -> None:
        """Give a destination fewer lanes at once, and none at all for as long as it asked."""
        destination.concurrency_limit, destination.slowed_at = slowed.limit, slowed.at
        destination.is_paused = destination.is_paused or slowed.pause_seconds > 0
        async with self._pool.acquire() as c:
            with destination.changing():
                await store.slow_down(c, destination.id, slowed)
            log.warning(
                "destination.slowed_down",
                destination=destination.name,
                lanes_at_once=slowed.limit,
                pause_seconds=slowed.pause_seconds,
                error=slowed.error,
            )
            if slowed.pause_seconds:
                await notify(c, "destinations")
