"""Where this forwarder may send, how much at once, and how each place fares.

In: rows of `destinations`, outcomes of attempts. Out: permits for the next lease, circuits opened and closed, places
slowed down. What one forwarder learns is written there, and the others hear the bell `destinations`.
"""

from __future__ import annotations

import time
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

import structlog

from consumers.place import LAS_PERMITS, Place
from hub.domain import circuit, pace
from hub.domain.fairness import Wish, allot
from hub.store import places as store
from hub.store.wake import ring

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from consumers.las import Target
    from hub.clock import LedgerClock
    from hub.domain.outcome import Failure
    from hub.store.pool import Pool

LANES_AT_ONCE: Final = 1500
"""To all webhooks together; queues hold no connection for long and do not count."""
LANES_ALWAYS: Final = 16
PROBE_SECONDS: Final = 20.0
CLOCK_WENT_BACK_SECONDS: Final = 2.0
log = structlog.get_logger(__name__)


class Places:
    """All destinations, refreshed each second and when the bell `destinations` rings."""

    def __init__(self, pool: Pool, clock: LedgerClock, probe_seconds: float = PROBE_SECONDS) -> None:
        self._pool = pool
        self._clock = clock  # set here alone, by no heart: only who sets it first is told of a jump
        self._probe_seconds = probe_seconds
        self._places: dict[int, Place] = {}
        self._taken: dict[int, datetime] = {}

    def __getitem__(self, destination: int) -> Place:
        return self._places[destination]

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places.values())

    def now(self) -> datetime:
        """Tell the time, as all forwarders have it."""
        return self._clock.now()

    def permits(self) -> dict[int, int]:
        """Say how many lanes may be leased per destination."""
        now = self.now()
        queues = {place.id: n for place in self if place.topic is not None and (n := place.permits(now))}
        wishes = {
            place.id: Wish(place.permits(now), place.in_flight, place.is_hungry)
            for place in self
            if place.topic is None
        }
        return queues | allot(wishes, LANES_AT_ONCE, LANES_ALWAYS)

    def served(self, offered: Collection[int], took: Collection[int]) -> None:
        """Note which of the places that could have had lanes had any."""
        for destination in offered:
            self._places[destination].is_hungry = destination in took

    async def refresh(self, targets: Mapping[int, Target]) -> None:
        """Read how destinations stand, let those that were slow be quicker, and claim the probes that are due."""
        started = time.monotonic()
        async with self._pool.acquire() as c:
            rows = await store.read(c)
            if rows and self._clock.set(rows[0]["at"]) < -CLOCK_WENT_BACK_SECONDS:
                log.warning("clock.went_back", next="all that waits is due, so that nothing waits for that time again")
                async with c.transaction():
                    await store.forget_moments(c)
                rows = await store.read(c)
            if self._taken:
                taken, self._taken = self._taken, {}
                await store.note_taken(c, taken)
        for row in rows:
            self._update(row, targets.get(row["id"]), started)
        for place in self:
            if place.probe_is_due and place.is_open:
                await self._claim(place)
        await self._quicken()

    def _update(self, row: Mapping[str, Any], target: Target | None, read_at: float) -> None:
        place = self._places.get(row["id"])
        if place is None:
            place = Place(id=row["id"], name=row["name"], kind=row["kind"], topic=row["topic"])
            self._places[place.id] = place
        place.is_open, place.target = row["is_open"], target
        place.taken_at = max(filter(None, (place.taken_at, row["taken_at"])), default=None)
        if place.changed > read_at:
            return
        for name in ("circuit", "openings", "pace", "slowed_at", "is_paused", "probe_is_due"):
            setattr(place, name, row[name])
        place.is_probing = place.is_probing and place.circuit == "half_open"

    async def _claim(self, place: Place) -> None:
        rotates = circuit.rotates(place.openings)
        with place.change():
            async with self._pool.acquire() as c, c.transaction():
                is_ours = await store.claim_probe(c, place.id, self._probe_seconds, rotates=rotates)
            if is_ours:
                place.circuit, place.is_probing, place.probe_is_due = "half_open", True, False
                log.info(
                    "circuit.half_open", destination=place.name, next="one message goes to see whether it takes it"
                )

    async def _quicken(self) -> None:
        for place in self:
            took, place.took = place.took, False
            if place.pace is None:
                continue
            after = pace.quickened(place.pace, LAS_PERMITS)
            async with self._pool.acquire() as c:
                if not await store.quicken(c, place.id, (place.pace, after), took=took):
                    continue
            place.pace = after
            if after is None:
                log.info("destination.quick_again", destination=place.name)

    async def succeeded(self, place: Place, sent_at: datetime) -> None:
        """Note that a place took what was sent at this moment; its circuit closes if it was not closed."""
        place.failures, place.took = 0, True
        place.taken_at = self._taken[place.id] = sent_at
        if place.is_closed_circuit:
            return
        async with self._pool.acquire() as c:
            with place.change():
                async with c.transaction():
                    await store.close_circuit(c, place.id)
            place.circuit, place.is_probing, place.openings = "closed", False, 0
            log.info("circuit.closed", destination=place.name, next="all its lanes are due")
            await ring(c, "destinations")
            await ring(c, "lanes")

    async def failed(self, place: Place, failure: Failure, *, is_probe: bool) -> None:
        """Note a failure: a run of them opens the circuit, a probe's keeps it open, a plea for patience is heard."""
        place.failures += 1
        if place.is_closed_circuit:
            opening = circuit.after_failures(place.fuse, place.failures, place.openings, failure)
            if opening is None and place.topic is None and pace.asks_for_patience(failure):
                await self._slow_down(place, failure)
        elif is_probe and place.is_probing:
            opening = circuit.opened(place.fuse, circuit.cause_of(failure), place.openings, failure)
        else:
            return  # sent before it opened: nothing that is not known
        if opening is not None:
            await self.open(place, opening)

    async def open(self, place: Place, opening: circuit.Opening) -> None:
        """Open a circuit, for all forwarders."""
        before, place.circuit, place.is_probing = place.circuit, "open", False
        place.probe_is_due = False
        async with self._pool.acquire() as c:
            with place.change():
                is_ours = await store.open_circuit(c, place.id, opening, before)
            if is_ours:
                place.openings += 1
                log.warning(
                    "circuit.opened",
                    destination=place.name,
                    cause=opening.cause,
                    error=opening.error,
                    next=f"a probe at {opening.probe_at.astimezone(UTC):%H:%M:%S} UTC",
                )
                await ring(c, "destinations")

    async def _slow_down(self, place: Place, failure: Failure) -> None:
        seconds = pace.pause(failure)
        if not seconds and not pace.is_of_this_round(failure, place.slowed_at):
            return
        place.pace = pace.slowed(place.pace or min(LAS_PERMITS, max(place.in_flight, 2)))
        place.slowed_at, place.is_paused = failure.at, place.is_paused or seconds > 0
        async with self._pool.acquire() as c:
            with place.change():
                await store.slow_down(c, place.id, place.pace, failure, seconds)
            log.warning(
                "destination.slowed",
                destination=place.name,
                lanes_at_once=place.pace,
                pause=seconds,
                error=failure.error,
            )
            if seconds:
                await ring(c, "destinations")
