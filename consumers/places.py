"""Where this forwarder may send, how much at once, and how each place fares.

In: rows of `destinations`, outcomes of attempts. Out: permits for the next lease, circuits opened and closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import structlog

from hub.domain import circuit
from hub.domain.circuit import QUEUE, WEBHOOK
from hub.store import places as store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from consumers.las import Target
    from hub.domain.circuit import Fuse
    from hub.domain.outcome import Failure
    from hub.store.pool import Pool

LAS_PERMITS: Final = 128
DUO_PERMITS: Final = 1000
LANES_AT_ONCE: Final = 1500
log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Place:
    """A destination, and what this process has learnt of it."""

    id: int
    name: str
    kind: str
    topic: str | None
    is_open: bool = False
    circuit: str = "closed"
    openings: int = 0
    probe_at: datetime | None = None
    taken_at: datetime | None = None
    target: Target | None = None
    in_flight: int = 0
    failures: int = 0
    is_probing: bool = False

    @property
    def fuse(self) -> Fuse:
        """When its circuit opens."""
        return WEBHOOK if self.topic is None else QUEUE

    @property
    def is_closed_circuit(self) -> bool:
        """Whether messages go out as usual, and failures burn budget."""
        return self.circuit == "closed"

    def permits(self, now: datetime) -> int:
        """Say how many more lanes may be leased: one when it is our turn to probe, none while it is open."""
        if not self.is_open or (self.topic is None and self.target is None):
            return 0
        if not self.is_closed_circuit:
            return 1 if self.is_probing and not self.in_flight else 0
        most = (DUO_PERMITS if self.topic else LAS_PERMITS) - self.in_flight
        if self.target is not None:
            most = min(most, self.target.permits(now))
        return max(0, most)


class Places:
    """All destinations, refreshed each second and when the bell `destinations` rings."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._places: dict[int, Place] = {}
        self._taken: dict[int, datetime] = {}

    def __getitem__(self, destination: int) -> Place:
        return self._places[destination]

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places.values())

    def permits(self, now: datetime) -> dict[int, int]:
        """Say how many lanes may be leased per destination."""
        room = LANES_AT_ONCE - sum(place.in_flight for place in self)
        wanted = {place.id: min(n, room) for place in self if (n := place.permits(now))}
        return wanted if room > 0 else {}

    async def refresh(self, targets: Mapping[int, Target], now: datetime) -> None:
        """Read how destinations stand; claim the probes whose moment has come."""
        async with self._pool.acquire() as c:
            rows = await store.read(c)
            if self._taken:
                taken, self._taken = self._taken, {}
                await store.note_taken(c, taken)
        for row in rows:
            self._update(row, targets.get(row["id"]))
        for place in self:
            if place.circuit == "open" and place.probe_at is not None and place.probe_at <= now and place.is_open:
                await self._claim(place)

    def _update(self, row: Mapping[str, Any], target: Target | None) -> None:
        place = self._places.get(row["id"])
        if place is None:
            place = Place(id=row["id"], name=row["name"], kind=row["kind"], topic=row["topic"])
            self._places[place.id] = place
        place.is_open = row["is_open"]
        place.circuit = row["circuit"]
        place.openings = row["circuit_openings"]
        place.probe_at = row["probe_at"]
        place.taken_at = max(filter(None, (place.taken_at, row["taken_at"])), default=None)
        place.target = target
        place.is_probing = place.is_probing and place.circuit == "half_open"

    async def _claim(self, place: Place) -> None:
        async with self._pool.acquire() as c, c.transaction():
            if await store.claim_probe(c, place.id):
                place.circuit = "half_open"
                place.is_probing = True

    async def succeeded(self, place: Place, at: datetime) -> None:
        """Note that a place took something; its circuit closes if it was not closed."""
        place.failures = 0
        place.taken_at = self._taken[place.id] = at
        if place.is_closed_circuit:
            return
        async with self._pool.acquire() as c, c.transaction():
            await store.close_circuit(c, place.id)
        place.circuit, place.is_probing, place.openings = "closed", False, 0
        log.info("circuit.closed", destination=place.name)

    async def failed(self, place: Place, failure: Failure) -> None:
        """Note a failure; a run of them opens the circuit, and a failed probe keeps it open."""
        place.failures += 1
        if place.is_closed_circuit:
            opening = circuit.after_failures(place.fuse, place.failures, place.openings, failure)
        else:
            opening = circuit.opened(place.fuse, circuit.cause_of(failure), place.openings, failure)
        if opening is not None:
            await self.open(place, opening)

    async def open(self, place: Place, opening: circuit.Opening) -> None:
        """Open a circuit, for all forwarders."""
        async with self._pool.acquire() as c:
            await store.open_circuit(c, place.id, opening)
        place.circuit, place.is_probing, place.probe_at = "open", False, opening.probe_at
        place.openings += 1
        log.warning(
            "circuit.opened",
            destination=place.name,
            cause=opening.cause,
            error=opening.error,
            next=f"a probe at {opening.probe_at.astimezone(UTC):%H:%M:%S} UTC",
        )
