"""Apply what receivers report. In: reports in the order they came. Out: statuses, history, and what was unknown.

Reports come twice, late, out of order, before the hub has noted that the message was taken, or for what does not exist.
Each gets an answer; none stops another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from hub.domain.delivery import (
    ANSWERED,
    IN_LANE,
    UNREPORTED,
    Ignored,
    Reported,
    Status,
    advance,
    reason_to_ignore,
    supersedes,
)
from hub.settle.results import ResultMessages, find_result_subjects
from hub.settle.status_changes import StatusChanges, superseded_by
from hub.store import reports as store
from hub.store.reports import HeldLane, KeptReport, Tracked
from schemas.kinds import ReportStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from uuid import UUID

    from hub.domain.keys import DeliveryKey, LaneKey
    from hub.store.pool import Connection

CLOSED_STEP: Final = 16
MOST_KEPT: Final = 20
"""Reports of one delivery that are kept: the newest that were applied, and as many that were ignored."""
CLEAN_STATUSES: Final = frozenset({ReportStatus.PROCESSED, ReportStatus.ACTIVATED})


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingReport:
    """A report: on one delivery, or on all units of a mandate's version at DUO. `signals` is JSON."""

    delivery_id: UUID | None = None
    key: DeliveryKey | None = None
    """Where that delivery stands, if it was looked up already."""
    mandate: tuple[UUID, int] | None = None
    is_by_duo: bool = False
    """Whether it was read from DUO's topic; it can then only be about a delivery to one of DUO's queues."""
    status: ReportStatus
    signals: str = "[]"
    reported_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportResult:
    """What became of a report on one delivery."""

    delivery_id: UUID
    destination: int
    status: Status
    ignored_because: Ignored | None
    processing_seconds: float | None = None
    notifies_system: bool = False
    """Whether a message to a system followed from it: the caller notifies `lanes` after its commit."""


@dataclass(frozen=True, slots=True)
class UnknownDelivery:
    """Nothing is known of what the report names."""

    report: IncomingReport


ReportAnswer: TypeAlias = Sequence[ReportResult] | UnknownDelivery


async def apply_reports(
    c: Connection, incoming: Sequence[IncomingReport], now: datetime, process: int
) -> list[ReportAnswer]:
    """Apply reports in order and answer each; the caller owns the transaction."""
    targets = await _find(c, incoming)
    keys = {key for found in targets for key in found}
    if not keys:
        return [UnknownDelivery(report) for report in incoming]
    results = await find_result_subjects(c, keys)
    lanes = await store.lock_lanes(c, {key.lane for key in keys} | results.lanes, make=results.needs_lanes)
    tracked = await store.read_targets(c, keys)
    batch = _Batch(tracked, results, now)
    answers: list[ReportAnswer] = []
    for report, found in zip(incoming, targets, strict=True):
        kept = [tracked[key] for key in found if key in tracked]  # what is too old may have been taken away meanwhile
        answers.append([batch.apply(report, t) for t in kept] or UnknownDelivery(report))
    await batch.write(c, lanes, process)
    return answers


async def _find(c: Connection, incoming: Sequence[IncomingReport]) -> list[list[DeliveryKey]]:
    ids = [r.delivery_id for r in incoming if r.delivery_id and not r.is_by_duo and r.key is None]
    duo_ids = [r.delivery_id for r in incoming if r.delivery_id and r.is_by_duo]
    by_id = await store.find_by_id(c, ids) if ids else {}
    at_queues = await store.find_at_queues(c, duo_ids) if duo_ids else {}
    versions = [r.mandate for r in incoming if r.mandate]
    by_mandate = await store.find_by_mandate(c, versions) if versions else {}
    return [
        [r.key]
        if r.key is not None
        else _key_of(r.delivery_id, at_queues if r.is_by_duo else by_id)
        if r.delivery_id
        else by_mandate.get(r.mandate, [])
        if r.mandate
        else []
        for r in incoming
    ]


def _key_of(delivery_id: UUID, keys: Mapping[UUID, DeliveryKey]) -> list[DeliveryKey]:
    return [keys[delivery_id]] if delivery_id in keys else []


class _Batch:
    """Reports applied to deliveries in memory, whose lanes are locked; written once."""

    def __init__(self, tracked: Mapping[DeliveryKey, Tracked], results: ResultMessages, now: datetime) -> None:
        self._tracked = tracked
        self._results = results
        self._now = now
        self._entries = StatusChanges()
        self._changed: dict[DeliveryKey, Tracked] = {}
        self._kept: list[KeptReport] = []
        self._corrected: set[DeliveryKey] = set()

    def apply(self, report: IncomingReport, t: Tracked) -> ReportResult:
        """Apply one report to one delivery."""
        step = Reported(status=report.status, at=report.reported_at)
        after = advance(t.status, step, expects_report=t.expects_report)
        if isinstance(after, Status):
            after = reason_to_ignore(step, last=t.reported_at, status=t.status) or after
        if isinstance(after, Ignored):
            self._keep(report, t, after)
            return self._result(t, after)
        if t.reported_at is not None or report.status not in CLEAN_STATUSES or report.signals != "[]":
            self._corrected.add(t.key)
            self._keep(report, t, None)
        before = t.status
        self._move(report, t, after)
        return self._result(t, None, notifies_system=self._results.add(t, before, report.reported_at, self._now))

    def _result(self, t: Tracked, ignored: Ignored | None, *, notifies_system: bool = False) -> ReportResult:
        seconds = None
        if ignored is None and t.processed_at and t.delivered_at:
            seconds = (t.processed_at - t.delivered_at).total_seconds()
        return ReportResult(
            delivery_id=t.id,
            destination=t.destination,
            status=t.status,
            ignored_because=ignored,
            processing_seconds=seconds,
            notifies_system=notifies_system,
        )

    def _move(self, report: IncomingReport, t: Tracked, after: Status) -> None:
        self._entries.add(t.key, t.status, after, at=self._now, expects_report=t.expects_report)
        t.status = after
        t.reported_at = report.reported_at
        t.processed_at = self._now if after in ANSWERED else None
        t.delivered_at = t.delivered_at or self._now
        self._changed[t.key] = t

    def _keep(self, report: IncomingReport, t: Tracked, ignored: Ignored | None) -> None:
        self._kept.append(
            KeptReport(
                key=t.key,
                status=report.status.value,
                signals=report.signals,
                reported_at=report.reported_at,
                received_at=self._now,
                ignored=ignored.value if ignored else None,
            )
        )

    async def write(self, c: Connection, lanes: Mapping[LaneKey, HeldLane], process: int) -> None:
        """Write the statuses, the history, superseded deliveries, and the counts."""
        if self._corrected:
            await store.write_earlier_reports(c, self._corrected)
        if self._changed:
            await self._write_changed(c, lanes)
        if self._kept:
            await store.write_reports(c, self._kept, MOST_KEPT)
        await self._results.write(c, self._now, process)
        await self._entries.write(c, process)

    async def _write_changed(self, c: Connection, lanes: Mapping[LaneKey, HeldLane]) -> None:
        highest: dict[LaneKey, int] = {}
        for t in self._changed.values():
            highest[t.lane] = max(t.sequence, highest.get(t.lane, 0))
        windows = {lane: (lanes[lane].closed, high) for lane, high in highest.items() if high - lanes[lane].closed > 1}
        others = [t for t in await store.read_window(c, windows) if t.key not in self._tracked] if windows else []
        answered = [t for t in self._changed.values() if supersedes(t.status, expects_report=t.expects_report)]
        still_open = [*others, *self._tracked.values()]
        for t in superseded_by(answered, still_open, self._entries, self._now):
            self._changed[t.key] = t
        await store.write(c, list(self._changed.values()))
        closed = dict(_closed(lanes, windows, still_open)) | _opened(lanes, self._changed.values())
        if closed:
            await store.move_closed(c, closed)


def _closed(
    lanes: Mapping[LaneKey, HeldLane], windows: Mapping[LaneKey, tuple[int, int]], rows: Iterable[Tracked]
) -> Iterable[tuple[LaneKey, int]]:
    """Find how far nothing waits any more, where it pays to remember it."""
    lowest: dict[LaneKey, int] = {}
    for t in rows:
        if t.expects_report and t.status in IN_LANE | UNREPORTED:
            lowest[t.lane] = min(t.sequence, lowest.get(t.lane, t.sequence))
    for lane, (low, high) in windows.items():
        through = min(lowest.get(lane, high + 1) - 1, high, lanes[lane].head)
        if through - low >= CLOSED_STEP:
            yield lane, through


def _opened(lanes: Mapping[LaneKey, HeldLane], changed: Iterable[Tracked]) -> dict[LaneKey, int]:
    """Find where something waits again below what was closed: an answer was taken back."""
    opened: dict[LaneKey, int] = {}
    for t in changed:
        if t.status in UNREPORTED and t.sequence <= opened.get(t.lane, lanes[t.lane].closed):
            opened[t.lane] = t.sequence - 1
    return opened
