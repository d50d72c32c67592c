"""Where this forwarder may send, how much at once, and how each place fares.

In: rows of `destinations`, outcomes of attempts. Out: permits for the next lease, circuits opened and closed, places
slowed down. What one forwarder learns is written there, and the others hear the bell `destinations`.
"""

from __future__ import annotations

import time
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

import structlog

from consumers.forwarding.destination import LAS_PERMITS, Destination
from hub.domain import circuit, pace
from hub.domain.fairness import Demand, allocate
from hub.store import destinations as store
from hub.store.notifications import notify

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from consumers.forwarding.webhooks import Endpoint
    from hub.clock import LedgerClock
    from hub.domain.outcome import Failure
    from hub.store.pool import Pool

LANES_AT_ONCE: Final = 1500
"""To all webhooks together; queues hold no connection for long and do not count."""
LANES_ALWAYS: Final = 16
PROBE_SECONDS: Final = 20.0
CLOCK_WENT_BACK_SECONDS: Final = 2.0
log = structlog.get_logger(__name__)


class Destinations:
    """All destinations, refreshed each second and when the bell `destinations` rings."""

    def __init__(self, pool: Pool, clock: LedgerClock, probe_seconds: float = PROBE_SECONDS) -> None:
        self._pool = pool
        self._clock = clock  # set here alone, by no heart: only who sets it first is told of a jump
        self._probe_seconds = probe_seconds
        self._destinations: dict[int, Destination] = {}
        self._taken: dict[int, datetime] = {}

    def __getitem__(self, destination: int) -> Destination:
        return self._destinations[destination]

    def __iter__(self) -> Iterator[Destination]:
        return iter(self._destinations.values())

    def now(self) -> datetime:
        """Tell the time, as all forwarders have it."""
        return self._clock.now()

    def permits(self) -> dict[int, int]:
        """Say how many lanes may be leased per destination."""
        now = self.now()
        queues = {
            destination.id: n
            for destination in self
            if destination.topic is not None and (n := destination.permits(now))
        }
        demands = {
            destination.id: Demand(destination.permits(now), destination.in_flight, destination.has_backlog)
            for destination in self
            if destination.topic is None
        }
        return queues | allocate(demands, LANES_AT_ONCE, LANES_ALWAYS)

    def served(self, offered: Collection[int], took: Collection[int]) -> None:
        """Note which of the places that could have had lanes had any."""
        for destination in offered:
            self._destinations[destination].has_backlog = destination in took

    async def refresh(self, targets: Mapping[int, Endpoint]) -> None:
        """Read how destinations stand, let those that were slow be quicker, and claim the probes that are due."""
        started = time.monotonic()
        async with self._pool.acquire() as c:
            rows = await store.read(c)
            if rows and self._clock.set(rows[0]["at"]) < -CLOCK_WENT_BACK_SECONDS:
                log.warning("clock.went_back", next="all that waits is due, so that nothing waits for that time again")
                async with c.transaction():
                    await store.reset_deadlines(c)
                rows = await store.read(c)
            if self._taken:
                taken, self._taken = self._taken, {}
                await store.write_accepted(c, taken)
        for row in rows:
            self._update(row, targets.get(row["id"]), started)
        for destination in self:
            if destination.probe_is_due and destination.is_open:
                await self._claim(destination)
        await self._quicken()

    def _update(self, row: Mapping[str, Any], endpoint: Endpoint | None, read_at: float) -> None:
        destination = self._destinations.get(row["id"])
        if destination is None:
            destination = Destination(id=row["id"], name=row["name"], kind=row["kind"], topic=row["topic"])
            self._destinations[destination.id] = destination
        destination.is_open, destination.endpoint = row["is_open"], endpoint
        destination.taken_at = max(filter(None, (destination.taken_at, row["accepted_at"])), default=None)
        if destination.changed > read_at:
            return
        for name in ("circuit", "openings", "pace", "slowed_at", "is_paused", "probe_is_due"):
            setattr(destination, name, row[name])
        destination.is_probing = destination.is_probing and destination.circuit == "half_open"

    async def _claim(self, destination: Destination) -> None:
        rotates = circuit.rotates(destination.openings)
        with destination.change():
            async with self._pool.acquire() as c, c.transaction():
                is_ours = await store.claim_probe(c, destination.id, self._probe_seconds, rotates=rotates)
            if is_ours:
                destination.circuit, destination.is_probing, destination.probe_is_due = "half_open", True, False
                log.info(
                    "circuit.half_open",
                    destination=destination.name,
                    next="one message goes to see whether it takes it",
                )

    async def _quicken(self) -> None:
        for destination in self:
            took, destination.took = destination.took, False
            if destination.pace is None:
                continue
            after = pace.doubled(destination.pace, LAS_PERMITS)
            async with self._pool.acquire() as c:
                if not await store.speed_up(c, destination.id, (destination.pace, after), took=took):
                    continue
            destination.pace = after
            if after is None:
                log.info("destination.quick_again", destination=destination.name)

    async def succeeded(self, destination: Destination, sent_at: datetime) -> None:
        """Note that a place took what was sent at this moment; its circuit closes if it was not closed."""
        destination.failures, destination.took = 0, True
        destination.taken_at = self._taken[destination.id] = sent_at
        if destination.is_closed_circuit:
            return
        async with self._pool.acquire() as c:
            with destination.change():
                async with c.transaction():
                    await store.close_circuit(c, destination.id)
            destination.circuit, destination.is_probing, destination.openings = "closed", False, 0
            log.info("circuit.closed", destination=destination.name, next="all its lanes are due")
            await notify(c, "destinations")
            await notify(c, "lanes")

    async def failed(self, destination: Destination, failure: Failure, *, is_probe: bool) -> None:
        """Note a failure: a run of them opens the circuit, a probe's keeps it open, a plea for patience is heard."""
        destination.failures += 1
        if destination.is_closed_circuit:
            opening = circuit.after_failures(destination.policy, destination.failures, destination.openings, failure)
            if opening is None and destination.topic is None and pace.asks_for_patience(failure):
                await self._slow_down(destination, failure)
        elif is_probe and destination.is_probing:
            opening = circuit.opened(destination.policy, circuit.cause_of(failure), destination.openings, failure)
        else:
            return  # sent before it opened: nothing that is not known
        if opening is not None:
            await self.open(destination, opening)

    async def open(self, destination: Destination, opening: circuit.CircuitOpened) -> None:
        """Open a circuit, for all forwarders."""
        before, destination.circuit, destination.is_probing = destination.circuit, "open", False
        destination.probe_is_due = False
        async with self._pool.acquire() as c:
            with destination.change():
                is_ours = await store.open_circuit(c, destination.id, opening, before)
            if is_ours:
                destination.openings += 1
                log.warning(
                    "circuit.opened",
                    destination=destination.name,
                    cause=opening.cause,
                    error=opening.error,
                    next=f"a probe at {opening.probe_at.astimezone(UTC):%H:%M:%S} UTC",
                )
                await notify(c, "destinations")

    async def _slow_down(self, destination: Destination, failure: Failure) -> None:
        seconds = pace.pause_seconds(failure)
        if not seconds and not pace.was_sent_since(failure, destination.slowed_at):
            return
        destination.pace = pace.halved(destination.pace or min(LAS_PERMITS, max(destination.in_flight, 2)))
        destination.slowed_at, destination.is_paused = failure.at, destination.is_paused or seconds > 0
        async with self._pool.acquire() as c:
            with destination.change():
                await store.slow_down(c, destination.id, destination.pace, failure, seconds)
            log.warning(
                "destination.slowed",
                destination=destination.name,
                lanes_at_once=destination.pace,
                pause=seconds,
                error=failure.error,
            )
            if seconds:
                await notify(c, "destinations")
