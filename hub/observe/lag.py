"""Lag. In: counters, lanes that wait, watermarks. Out: one `Lag`, for the API, metrics and pages.

A reader remembers where it found the oldest unprocessed delivery, so that the next search is short. Every minute it
starts again from the stored position, because deliveries of older events may have been planned since.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.domain.cause import Cause, DestinationStatus, cause_of
from hub.domain.delivery import IN_LANE, UNREPORTED, Status
from hub.domain.lag import HOPS, hop_seconds
from hub.domain.objective import Attainment, Objective, ObjectiveCounts, Overdue, attain
from hub.observe.health import HubHealth, read_health
from hub.observe.lane_watch import LaneWatch
from hub.observe.oldest import OldestDeliveries
from hub.observe.overdue import OverdueWatch, UnfinishedDeliveries
from hub.store import objectives, observe, tallies
from hub.store.lane_sums import LaneSums

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.domain.age import AgeParts
    from hub.domain.cause import FailedTransport
    from hub.domain.keys import LaneKey
    from hub.domain.lag import Hop
    from hub.store.observe import DestinationView, LogProgress, OldestUnprocessed
    from hub.store.pool import Connection
    from hub.store.tallies import Tally

RESCAN_AFTER: Final = timedelta(minutes=1)
FORWARDER: Final = "forward"
READER: Final = "reports"


@dataclass(frozen=True, slots=True, kw_only=True)
class HopLag:
    """How long a hop took in the last five minutes, in seconds; None when nothing passed it."""

    p50: float | None
    p99: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationLag:
    """The lag of a destination, and its cause."""

    destination: DestinationView
    standing: DestinationStatus
    cause: Cause
    lanes: LaneSums
    hops: Mapping[Hop, HopLag]
    statuses: Mapping[Status, int]
    attainment: Attainment
    parts: AgeParts
    """The age of the oldest delivery that is not done, by whose turn it was."""
    since: datetime | None
    """Since when the cause lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """The lag of the hub and its destinations."""

    at: datetime
    unpublished: int
    unplanned: int
    parked: int
    processes: Mapping[str, int]
    destinations: Sequence[DestinationLag]
    health: HubHealth = field(default_factory=HubHealth)


async def _unplanned_seconds(c: Connection, late: LogProgress, now: datetime) -> float | None:
    """Return how long the oldest unplanned event waits; None when all are planned."""
    oldest = await observe.oldest_unplanned(c) if late.recorded > late.planned else None
    return None if oldest is None else hop_seconds(oldest, now)


async def _failures(
    c: Connection, found: _Measurements, views: Sequence[DestinationView], leased: Collection[LaneKey]
) -> dict[int, FailedTransport | None]:
    """Return the last failure of each destination with messages that retry."""
    return {
        each.id: await observe.last_failure(c, each.id, leased)
        for each in views
        if found.status(each.id, Status.RETRYING)
    }


@dataclass(slots=True)
class LagReader:
    """Reads the lag; keeps search positions between reads. `objective` is that of the settings."""

    objective: Objective = field(default_factory=Objective)
    _starts: dict[int, UUID] = field(default_factory=dict)
    _read_at: datetime | None = None
    _lanes: LaneWatch = field(default_factory=LaneWatch)
    _overdue: OverdueWatch = field(default_factory=OverdueWatch)

    async def read(self, c: Connection, now: datetime) -> Lag:
        """Read the lag in one snapshot."""
        async with c.transaction(isolation="repeatable_read", readonly=True):
            processes = await observe.count_processes(c)
            found = await self._measure(c, now, processes.get(FORWARDER, 0))
            views = await observe.read_destinations(c)
            oldest = await self._oldest(c, found, views)
            failing = await _failures(c, found, views, self._lanes.leased)
            unfinished = [found.unfinished(each, oldest[each.id]) for each in views]
            overdue = await self._overdue.read(c, now, unfinished, self._lanes.leased)
        lags = [found.lag(each, failing.get(each.destination.id), overdue[each.destination.id]) for each in unfinished]
        return found.whole(processes, lags)

    async def _measure(self, c: Connection, now: datetime, forwarders: int) -> _Measurements:
        late, counted = await observe.log_progress(c), await tallies.totals(c)
        return _Measurements(
            now=now,
            late=late,
            unplanned=await _unplanned_seconds(c, late, now),
            forwarders=forwarders,
            tallies=counted,
            lanes=await self._lanes.read(c, now, counted),
            hops=await observe.recent_percentiles(c),
            objective=self.objective,
            objective_counts=await objectives.counts(c),
            health=await read_health(c),
        )

    async def _oldest(
        self, c: Connection, found: _Measurements, views: Sequence[DestinationView]
    ) -> dict[int, OldestDeliveries]:
        await self._restart_search(c, found.now)
        return {
            each.id: OldestDeliveries(
                unsent=found.lanes.get(each.id, LaneSums()).oldest if found.status(each.id, *IN_LANE) else None,
                unprocessed=await self._unprocessed(c, each.id) if found.unprocessed(each.id) else None,
                unread_since=found.unread_since(each),
            )
            for each in views
        }

    async def _unprocessed(self, c: Connection, destination_id: int) -> OldestUnprocessed | None:
        first = await self._first(c, destination_id)
        if first is None:  # it exists, so it belongs to an older event that was planned since the last read
            self._starts = await observe.search_starts(c)
            first = await self._first(c, destination_id)
        if first is not None:
            self._starts[destination_id] = first.id
        return first

    async def _first(self, c: Connection, destination_id: int) -> OldestUnprocessed | None:
        return await observe.oldest_unprocessed(c, destination_id, self._starts.get(destination_id, observe.FIRST_ID))

    async def _restart_search(self, c: Connection, now: datetime) -> None:
        if self._read_at is None or now - self._read_at > RESCAN_AFTER:
            self._starts, self._read_at = await observe.search_starts(c), now


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measurements:
    """The numbers of one snapshot, before they are grouped by destination."""

    now: datetime
    late: LogProgress
    unplanned: float | None
    forwarders: int
    tallies: Mapping[Tally, int]
    lanes: Mapping[int, LaneSums]
    hops: Mapping[tuple[int, str], tuple[float, float]]
    objective: Objective
    objective_counts: Mapping[int, ObjectiveCounts]
    health: HubHealth

    def whole(self, processes: Mapping[str, int], destinations: Sequence[DestinationLag]) -> Lag:
        return Lag(
            at=self.now,
            unpublished=max(self.late.recorded - self.late.published, 0),
            unplanned=max(self.late.recorded - self.late.planned, 0),
            parked=self.late.parked,
            processes=processes,
            destinations=destinations,
            health=self.health,
        )

    def unread(self, destination: DestinationView) -> float | None:
        """Return the age of the oldest unread report that may be about a destination: DUO's reports come by a topic."""
        return self.health.unread_seconds(READER) if destination.kind == "duo" else None

    def unread_since(self, destination: DestinationView) -> datetime | None:
        unread = self.unread(destination)
        return None if unread is None else self.now - timedelta(seconds=unread)

    def status(self, destination_id: int, *statuses: Status) -> int:
        return sum(
            n
            for (destination, status, _), n in self.tallies.items()
            if destination == destination_id and status in statuses
        )

    def unprocessed(self, destination_id: int) -> int:
        return sum(
            n
            for (destination, status, expects), n in self.tallies.items()
            if destination == destination_id and status in UNREPORTED and expects
        )

    def unfinished(self, destination: DestinationView, oldest: OldestDeliveries) -> UnfinishedDeliveries:
        return UnfinishedDeliveries(
            destination=destination,
            objective=destination.objective or self.objective,
            lanes=self.lanes.get(destination.id, LaneSums()),
            oldest=oldest,
        )

    def lag(self, each: UnfinishedDeliveries, failing: FailedTransport | None, overdue: Overdue) -> DestinationLag:
        destination, lanes, objective, oldest = each.destination, each.lanes, each.objective, each.oldest
        standing = replace(
            self._standing(destination, lanes, failing),
            oldest_unprocessed=None if oldest.unprocessed is None else hop_seconds(oldest.unprocessed.at, self.now),
            processing_objective=objective.processing_seconds,
            oldest_unread=self.unread(destination),
        )
        cause = cause_of(standing)
        overdue = overdue.within(standing.waiting + standing.retrying, standing.unprocessed)
        return DestinationLag(
            destination=destination,
            standing=standing,
            cause=cause,
            attainment=attain(objective, self.objective_counts.get(destination.id, ObjectiveCounts()), overdue),
            parts=oldest.parts(destination, self.now),
            since=oldest.since(cause, destination, objective),
            lanes=lanes,
            hops={hop: self._hop(destination.id, hop) for hop in HOPS},
            statuses=self._shown(destination.id, standing),
        )

    def _standing(
        self,
        destination: DestinationView,
        lanes: LaneSums,
        failing: FailedTransport | None,
    ) -> DestinationStatus:
        waiting, retrying = (self.status(destination.id, one) for one in (Status.WAITING, Status.RETRYING))
        held_waiting = min(lanes.held_waiting, waiting) if destination.has_receiver else waiting
        held_retrying = min(lanes.held_retrying, retrying) if destination.has_receiver else retrying
        since = lanes.waits_since if destination.has_receiver else None
        return DestinationStatus(
            name=destination.name,
            shown_as=destination.shown_as,
            state=destination.state,
            is_held_by_operator=destination.is_held_by_operator,
            circuit=destination.circuit,
            circuit_is_misconfigured=destination.circuit_is_misconfigured,
            circuit_error=destination.circuit_error,
            is_paused=destination.paused_until is not None,
            slow_error=destination.slow_error,
            waiting=waiting - held_waiting,
            held=held_waiting + held_retrying,
            retrying=retrying - held_retrying,
            unprocessed=self.unprocessed(destination.id),
            dead=self.status(destination.id, Status.DEAD),
            in_flight=lanes.leased,
            oldest_undelivered=None if since is None else hop_seconds(since, self.now),
            oldest_unplanned=self.unplanned,
            forwarders=self.forwarders,
            failing=failing,
        )

    def _shown(self, destination_id: int, standing: DestinationStatus) -> dict[Status, int]:
        shown: Counter[Status] = Counter(dict.fromkeys(Status, 0))
        for (destination, status, _), n in self.tallies.items():
            if destination == destination_id:
                shown[status] += n
        shown[Status.WAITING], shown[Status.RETRYING] = standing.waiting, standing.retrying
        return dict(shown)

    def _hop(self, destination_id: int, hop: Hop) -> HopLag:
        p50, p99 = self.hops.get((destination_id, hop), (None, None))
        return HopLag(p50=p50, p99=p99)
