"""Settle what forwarders did. In: lanes as they are given back, with the outcome of each attempt. Next: the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.domain.delivery import Status
from hub.settle.overtake import supersede_older
from hub.settle.status_changes import StatusChanges
from hub.store import lanes
from hub.store.reports import Tracked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hub.store.lanes import FailedAttempt, LaneUpdate, QueuedDelivery, SucceededAttempt
    from hub.store.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneResult:
    """One lane's turn: where it stands now, what was taken, and what was not."""

    standing: LaneUpdate
    taken: Sequence[SucceededAttempt] = ()
    missed: Sequence[FailedAttempt] = ()
    deliveries: Sequence[QueuedDelivery] = ()
    """The letters taken that nothing is reported on, where older ones of their lane may still wait for a report."""


async def record_attempts(c: Connection, owner: int, runs: Sequence[LaneResult], now: datetime) -> int:
    """Write what became of these lanes and return how many were still this owner's.

    A lane whose token is not this owner's any more is left alone, whatever was sent: its new owner sends again, under
    the same ids. The caller owns the transaction.
    """
    mine = await lanes.complete(c, [run.standing for run in runs])
    ours = [run for run in runs if (run.standing.lease.destination, run.standing.lease.brin) in mine]
    entries = StatusChanges()
    await _record_succeeded(c, [t for run in ours for t in run.taken], entries)
    await _record_failed(c, [m for run in ours for m in run.missed], entries)
    await supersede_older(c, [_tracked(run, delivery) for run in ours for delivery in run.deliveries], entries, now)
    await entries.write(c, owner)
    return len(ours)


async def _record_succeeded(c: Connection, taken: Sequence[SucceededAttempt], entries: StatusChanges) -> None:
    if not taken:
        return
    moved = await lanes.mark_delivered(c, taken)
    for t in taken:
        if t.key in moved:
            entries.moved(t.key, t.before, Status.DELIVERED, at=t.outcome.at, expects_report=t.expects_report)


async def _record_failed(c: Connection, missed: Sequence[FailedAttempt], entries: StatusChanges) -> None:
    if not missed:
        return
    moved = await lanes.mark_failed(c, missed)
    for m in missed:
        if m.key in moved:
            entries.moved(m.key, m.before, m.after, at=m.outcome.at, expects_report=m.expects_report, reason=m.reason)


def _tracked(run: LaneResult, delivery: QueuedDelivery) -> Tracked:
    message = delivery.message
    return Tracked(
        destination=run.standing.lease.destination,
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
