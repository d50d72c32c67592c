"""How late everything is. In: counters, lanes and the ends of logs. Out: one `Lag`, for the API, metrics and pages.

A reader remembers where it found the oldest unprocessed delivery, so that the next look is short; every minute it
starts from what is stored again, because deliveries of older events may have been planned meanwhile.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.domain.cause import Cause, Standing, cause_of
from hub.domain.delivery import UNREPORTED, Status
from hub.domain.lag import HOPS, hop_seconds, percentile
from hub.store import observe, tallies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.domain.cause import Failing
    from hub.domain.lag import Hop
    from hub.store.observe import LaneSums, LateSums, Place, Unprocessed
    from hub.store.pool import Connection
    from hub.store.tallies import Tally

LOOK_AGAIN: Final = timedelta(minutes=1)
FORWARDER: Final = "forward"


@dataclass(frozen=True, slots=True, kw_only=True)
class HopLag:
    """How long a hop took in the last five minutes, in seconds; None when nothing passed it."""

    p50: float | None
    p99: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationLag:
    """How late a destination is, and why."""

    place: Place
    standing: Standing
    cause: Cause
    lanes: LaneSums
    hops: Mapping[Hop, HopLag]
    statuses: Mapping[Status, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How late everything is."""

    at: datetime
    unpublished: int
    unplanned: int
    parked: int
    beating: Mapping[str, int]
    destinations: Sequence[DestinationLag]


@dataclass(slots=True)
class LagReader:
    """Reads the lag, again and again."""

    _starts: dict[int, UUID] = field(default_factory=dict)
    _read_at: datetime | None = None

    async def read(self, c: Connection, now: datetime) -> Lag:
        """Read how late everything is, in one snapshot."""
        async with c.transaction(isolation="repeatable_read", readonly=True):
            late, beating = await observe.late_sums(c), await observe.beating(c)
            unplanned = await observe.oldest_unplanned(c) if late.recorded > late.planned else None
            found = _Numbers(
                now=now,
                late=late,
                unplanned=None if unplanned is None else hop_seconds(unplanned, now),
                forwarders=beating.get(FORWARDER, 0),
                tallies=await tallies.totals(c),
                lanes=await observe.lane_sums(c),
                hops=await observe.recent_hops(c),
            )
            places = await observe.places(c)
            oldest = await self._oldest(c, now, found, places)
            failing = {p.id: await observe.last_failure(c, p.id) for p in places if found.status(p.id, Status.RETRYING)}
        return Lag(
            at=now,
            unpublished=max(late.recorded - late.published, 0),
            unplanned=max(late.recorded - late.planned, 0),
            parked=late.parked,
            beating=beating,
            destinations=[found.lag(place, oldest.get(place.id), failing.get(place.id)) for place in places],
        )

    async def _oldest(
        self, c: Connection, now: datetime, found: _Numbers, places: Sequence[Place]
    ) -> dict[int, float | None]:
        await self._look_from_the_start(c, now)
        oldest: dict[int, float | None] = {}
        for place in places:
            if not found.unprocessed(place.id):
                continue
            first = await self._first(c, place.id)
            if first is None:  # there is one, so it is of an older event, planned since the last look
                self._starts = await observe.starts(c)
                first = await self._first(c, place.id)
            if first is not None:
                self._starts[place.id] = first.id
                oldest[place.id] = hop_seconds(first.at, now)
        return oldest

    async def _first(self, c: Connection, destination: int) -> Unprocessed | None:
        return await observe.oldest_unprocessed(c, destination, self._starts.get(destination, observe.FIRST_ID))

    async def _look_from_the_start(self, c: Connection, now: datetime) -> None:
        if self._read_at is None or now - self._read_at > LOOK_AGAIN:
            self._starts, self._read_at = await observe.starts(c), now


@dataclass(frozen=True, slots=True, kw_only=True)
class _Numbers:
    """What was read, before it is put together per destination."""

    now: datetime
    late: LateSums
    unplanned: float | None
    forwarders: int
    tallies: Mapping[Tally, int]
    lanes: Mapping[int, LaneSums]
    hops: Mapping[tuple[int, str], Sequence[int]]

    def status(self, destination: int, *statuses: Status) -> int:
        return sum(n for (place, status, _), n in self.tallies.items() if place == destination and status in statuses)

    def unprocessed(self, destination: int) -> int:
        return sum(
            n
            for (place, status, expects), n in self.tallies.items()
            if place == destination and status in UNREPORTED and expects
        )

    def lag(self, place: Place, oldest_unprocessed: float | None, failing: Failing | None) -> DestinationLag:
        lanes = self.lanes.get(place.id, observe.LaneSums())
        standing = self._standing(place, lanes, oldest_unprocessed, failing)
        return DestinationLag(
            place=place,
            standing=standing,
            cause=cause_of(standing),
            lanes=lanes,
            hops={hop: self._hop(place.id, hop) for hop in HOPS},
            statuses=self._shown(place.id, standing),
        )

    def _standing(
        self, place: Place, lanes: LaneSums, oldest_unprocessed: float | None, failing: Failing | None
    ) -> Standing:
        waiting, retrying = (self.status(place.id, one) for one in (Status.WAITING, Status.RETRYING))
        held_waiting = min(lanes.held_waiting, waiting) if place.has_receiver else waiting
        held_retrying = min(lanes.held_retrying, retrying) if place.has_receiver else retrying
        since = lanes.waits_since if place.has_receiver else None
        return Standing(
            name=place.name,
            state=place.state,
            is_held_by_operator=place.is_held_by_operator,
            circuit=place.circuit,
            circuit_is_misconfigured=place.circuit_is_misconfigured,
            circuit_error=place.circuit_error,
            is_paused=place.paused_until is not None,
            slow_error=place.slow_error,
            waiting=waiting - held_waiting,
            held=held_waiting + held_retrying,
            retrying=retrying - held_retrying,
            unprocessed=self.unprocessed(place.id),
            dead=self.status(place.id, Status.DEAD),
            in_flight=lanes.leased,
            oldest_undelivered=None if since is None else hop_seconds(since, self.now),
            oldest_unprocessed=oldest_unprocessed,
            oldest_unplanned=self.unplanned,
            forwarders=self.forwarders,
            failing=failing,
        )

    def _shown(self, destination: int, standing: Standing) -> dict[Status, int]:
        shown: Counter[Status] = Counter(dict.fromkeys(Status, 0))
        for (place, status, _), n in self.tallies.items():
            if place == destination:
                shown[status] += n
        shown[Status.WAITING], shown[Status.RETRYING] = standing.waiting, standing.retrying
        return dict(shown)

    def _hop(self, destination: int, hop: Hop) -> HopLag:
        buckets = self.hops.get((destination, hop), ())
        return HopLag(p50=percentile(buckets, 0.5), p99=percentile(buckets, 0.99))
