"""Write what happened to deliveries. In: results of lanes, and the moves of one transaction. Out: rows of the ledger.

Each next status is what `hub.domain.delivery.advance` answers. `StatusChanges` writes the tallies and the outbox of
`osr.deliveries.v1` for all use cases of this room, in the transaction of the moves.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hub.domain.delivery import ANSWERED, CLOSED, Move, Status, advance
from hub.envelopes import StatusChange
from hub.store import lane_results, reports, tallies
from hub.store.reports import Tracked
from schemas.cloudevents import write_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from hub.domain.keys import DeliveryKey, LaneKey
    from hub.store.lanes import FailedAttempt, LaneUpdate, QueuedDelivery, SucceededAttempt
    from hub.store.pool import Connection
    from hub.store.tallies import Tally

PUBLISHED_STATUSES: Final = ANSWERED | CLOSED | {Status.DELIVERED}


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneResult:
    """What came of one leased lane: where it stands, and its attempts."""

    update: LaneUpdate
    succeeded: Sequence[SucceededAttempt] = ()
    failed: Sequence[FailedAttempt] = ()
    unreported: Sequence[QueuedDelivery] = ()
    """Delivered without a report expected, while older deliveries of their lane may still wait for one."""


@dataclass(slots=True)
class StatusChanges:
    """The moves of one transaction, collected and written once."""

    moves: Counter[tuple[int, Status, Status, bool]] = field(default_factory=Counter)
    """How many went from one status to another, per destination and whether a report is expected."""
    changes: list[StatusChange] = field(default_factory=list)

    def add(
        self,
        key: DeliveryKey,
        before: Status,
        after: Status,
        *,
        at: datetime,
        expects_report: bool,
        reason: str | None = None,
    ) -> None:
        """Add a move; the ends of transport and of processing are published."""
        if before is after:
            return
        self.moves[key.destination, before, after, expects_report] += 1
        if after in PUBLISHED_STATUSES:
            self.changes.append(StatusChange(*key, before, after, write_time(at), reason))

    async def write(self, c: Connection, process: int) -> None:
        """Write all moves; this is the last statement of the transaction."""
        if self.moves:
            await tallies.write_moves(c, process, self.deltas(), self.changes)

    def deltas(self) -> Counter[Tally]:
        """Return what all moves add to the numbers of deliveries per status."""
        deltas: Counter[Tally] = Counter()
        for (destination, before, after, expects_report), n in self.moves.items():
            deltas[destination, before, expects_report] -= n
            deltas[destination, after, expects_report] += n
        return deltas

    def columns(self) -> dict[str, Any]:
        """Return all moves as parts of a statement that writes more than them."""
        tally = {f"tally_{name}": column for name, column in tallies.columns(self.deltas()).items()}
        return {**tally, "items": tallies.written(self.changes)}


@dataclass(frozen=True, slots=True)
class Completion:
    """How many lanes were still their owner's, and whether one of them may be due again at once."""

    lanes: int
    may_be_due: bool


async def complete(c: Connection, owner: int, results: Sequence[LaneResult], now: datetime) -> Completion:
    """Complete lanes with what came of their attempts, in one statement where that is enough.

    The caller has no transaction.
    """
    is_due = await _record_accepted(c, owner, results)
    if is_due is not None:
        return Completion(len(results), is_due)
    async with c.transaction():
        return Completion(await record_attempts(c, owner, results, now), may_be_due=True)


async def _record_accepted(c: Connection, owner: int, results: Sequence[LaneResult]) -> bool | None:
    """Complete lanes of which every attempt was accepted; return whether one of them is due again.

    Return None, and write nothing, where that is not all there is to it.
    """
    if any(result.failed or result.unreported or result.update.wait for result in results):
        return None
    attempts = [attempt for result in results for attempt in result.succeeded]
    after = _next(attempts)
    if len(after) < len(attempts):
        return None
    changes = StatusChanges()
    for a in attempts:
        changes.add(a.key, a.before, after[a.key], at=a.outcome.at, expects_report=a.expects_report)
    updates = [result.update for result in results]
    return await lane_results.record_accepted(c, owner, updates, attempts, after, changes.columns())


async def record_attempts(c: Connection, owner: int, results: Sequence[LaneResult], now: datetime) -> int:
    """Complete lanes with what came of their attempts and return how many were still this owner's.

    A lane whose token is another's by now is left alone, whatever was sent: its new owner sends again, under the same
    ids. The caller owns the transaction.
    """
    completed = await lane_results.complete(c, owner, [result.update for result in results])
    ours = [result for result in results if result.update.lease.lane in completed]
    changes = StatusChanges()
    await _record_succeeded(c, [attempt for result in ours for attempt in result.succeeded], changes)
    await _record_failed(c, [attempt for result in ours for attempt in result.failed], changes)
    await supersede_older(c, [_tracked(result, one) for result in ours for one in result.unreported], changes, now)
    await changes.write(c, owner)
    return len(ours)


async def _record_succeeded(c: Connection, attempts: Sequence[SucceededAttempt], changes: StatusChanges) -> None:
    if not attempts:
        return
    after = _next(attempts)
    moved = await lane_results.mark_delivered(c, attempts, after)
    for a in attempts:
        if a.key in moved:
            changes.add(a.key, a.before, after[a.key], at=a.outcome.at, expects_report=a.expects_report)


async def _record_failed(c: Connection, attempts: Sequence[FailedAttempt], changes: StatusChanges) -> None:
    if not attempts:
        return
    after = _next(attempts)
    moved = await lane_results.mark_failed(c, attempts, after)
    for a in attempts:
        if a.key in moved:
            changes.add(
                a.key, a.before, after[a.key], at=a.outcome.at, expects_report=a.expects_report, reason=a.reason
            )


def _next(attempts: Iterable[SucceededAttempt | FailedAttempt]) -> dict[DeliveryKey, Status]:
    """Return the status that each attempt leads to, where it leads to another one."""
    steps = ((a.key, advance(a.before, a.move, expects_report=a.expects_report)) for a in attempts if a.move)
    return {key: after for key, after in steps if isinstance(after, Status)}


async def supersede_older(c: Connection, answered: Sequence[Tracked], changes: StatusChanges, now: datetime) -> None:
    """Mark as superseded the unreported deliveries that are older than an answered one of the same unit.

    The lanes are locked already.
    """
    if not answered:
        return
    windows = _windows(answered)
    locked = await reports.lock_lanes(c, windows)
    still_open = await reports.read_window(
        c, {lane: (locked[lane].closed, high) for lane, high in windows.items() if lane in locked}
    )
    changed = list(superseded_by(answered, still_open, changes, now))
    if changed:
        await reports.write(c, changed)


def superseded_by(
    answered: Sequence[Tracked], still_open: Iterable[Tracked], changes: StatusChanges, now: datetime
) -> Iterable[Tracked]:
    """Move on the unreported deliveries that are older than an answered one of their unit, and yield them."""
    newest: dict[object, int] = {}
    for t in answered:
        newest[t.unit] = max(t.sequence, newest.get(t.unit, 0))
    for t in still_open:
        if t.sequence >= newest.get(t.unit, 0):
            continue
        after = advance(t.status, Move.SUPERSEDED, expects_report=t.expects_report)
        if isinstance(after, Status):
            changes.add(t.key, t.status, after, at=now, expects_report=t.expects_report)
            t.status = after
            yield t


def _windows(answered: Iterable[Tracked]) -> dict[LaneKey, int]:
    highest: dict[LaneKey, int] = {}
    for t in answered:
        highest[t.lane] = max(t.sequence, highest.get(t.lane, 0))
    return highest


def _tracked(result: LaneResult, delivery: QueuedDelivery) -> Tracked:
    message = delivery.message
    return Tracked(
        destination=result.update.lease.destination,
        brin=message.brin,
        sequence=message.sequence,
        id=message.id,
        event_id=message.event_id,
        mandate_id=message.mandate_id,
        branch=message.branch,
        status=Status.DELIVERED,
        expects_report=delivery.expects_report,
        reported_at=None,
        delivered_at=None,
    )
