"""Run one batch of the bulk job that is due first. In: its next items. Out: deliveries appended or cancelled.

A batch is one transaction with the job's row locked: a process that dies in the middle did nothing, and the next one
does the same items. The moment of the next batch is in the row too, so that all processes together keep one rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, assert_never

from hub import settle
from hub.domain.bulk import BATCH_SECONDS, BulkKind, BulkState, batch_size, pause_after
from hub.operations.bulk import audit as noted
from hub.operations.restate import restate
from hub.store import audit, bulk

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.store.audit import AuditEntry
    from hub.store.bulk import BulkItem, ClaimedJob
    from hub.store.pool import Connection

WAIT_WHEN_ALL_IN_FLIGHT: Final = timedelta(seconds=BATCH_SECONDS)
"""How long a job waits while all of its remaining deliveries are in flight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """The result of a batch: the numbers done and skipped, and the job's state after it."""

    job: UUID
    kind: BulkKind
    done: int
    skipped: int
    state: BulkState


@dataclass(frozen=True, slots=True)
class _WorkDone:
    completed: Sequence[int]
    done: int
    entries: Sequence[AuditEntry] = ()


async def run_batch(c: Connection, now: datetime, process: int) -> BatchResult | None:
    """Run the next batch of the job that is due, in the caller's transaction; return None when no job is due."""
    claim = await bulk.claim(c, now)
    if claim is None:
        return None
    items = await bulk.items(c, claim, batch_size(claim.rate))
    match claim.kind:
        case BulkKind.REPLAY:
            batch = await _replay(c, claim, items, now, process)
        case BulkKind.CANCELLATION:
            batch = await _cancel(c, claim, items, now, process)
        case _:
            assert_never(claim.kind)
    skipped = len(batch.completed) - batch.done
    next_at = now + (pause_after(batch.done, claim.rate) if batch.completed else WAIT_WHEN_ALL_IN_FLIGHT)
    state = await bulk.advance(c, claim, batch.completed, (batch.done, skipped), (now, next_at))
    await audit.write_all(c, [*batch.entries, *await _ended(c, claim, state, now)])
    return BatchResult(job=claim.id, kind=claim.kind, done=batch.done, skipped=skipped, state=state)


async def _replay(
    c: Connection, claim: ClaimedJob, items: Sequence[BulkItem], now: datetime, process: int
) -> _WorkDone:
    result = await restate(c, [item.unit for item in items], cause=claim.id, now=now, process=process)
    return _WorkDone([item.position for item in items], len(result.appended))


async def _cancel(
    c: Connection, claim: ClaimedJob, items: Sequence[BulkItem], now: datetime, process: int
) -> _WorkDone:
    by_key = {item.key: item.position for item in items}
    result = await settle.cancel_many(c, list(by_key), claim.reason, now, process)
    completed = [n for key, n in by_key.items() if key not in result.busy]
    return _WorkDone(completed, len(result.cancelled), noted.cancellation_entries(claim, result.cancelled, now))


async def _ended(c: Connection, claim: ClaimedJob, state: BulkState, now: datetime) -> list[AuditEntry]:
    job = await bulk.read(c, claim.id) if state is BulkState.DONE else None
    return [] if job is None else noted.completion_entries(job, now)
