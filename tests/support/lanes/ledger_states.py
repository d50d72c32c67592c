"""Puts a ledger into a state that is then looked at: planned, taken by some destinations, reported on, failed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from consumers.forwarding.destination import Destination
from consumers.forwarding.lane_progress import LaneProgress
from hub import plan, settle
from hub.clock import now
from hub.domain.delivery import Delivered, Move, RetryLater
from hub.domain.keys import DeliveryKey
from hub.settle import IncomingReport, LaneResult
from hub.store import lanes, processes
from hub.store.lanes import FailedAttempt, LaneUpdate
from schemas.kinds import ReportStatus

if TYPE_CHECKING:
    from collections.abc import Collection

    from hub.store.lanes import Lease, QueuedDelivery
    from hub.store.pool import Connection, Pool


async def plan_all(c: Connection) -> None:
    """Plan what is new of all schools, as if their bells had rung now."""
    brins = [row["brin"] for row in await c.fetch("select brin from schools order by brin")]
    async with c.transaction():
        await plan.plan(c, dict.fromkeys(brins, now()), now(), 0)


async def publish(c: Connection | Pool) -> None:
    """Give every event in the outbox the next position, as the relay does."""
    await c.execute(
        """with done as (delete from event_outbox returning id, brin, number)
           insert into published_events
           select (select coalesce(max(position), 0) from published_events) + row_number() over (order by id),
                  brin, number, now() from done"""
    )


async def take(c: Connection, *names: str) -> int:
    """Let destinations take all that may go to them, and say how many messages that were."""
    return len(await _attempt(c, names, fail=False))


async def fail(c: Connection, *names: str) -> int:
    """Let one attempt per lane of these destinations fail, as if nobody answered."""
    return len(await _attempt(c, names, fail=True))


async def report(c: Connection, delivery_id: str, status: str, text: str | None = None, *, minutes: int = 0) -> None:
    """Report on a delivery, with a signal of this text, if any, a few minutes from now."""
    signals = [] if text is None else [{"kind": "Melding", "code": "M1", "text": text}]
    one = IncomingReport(
        delivery_id=UUID(delivery_id),
        status=ReportStatus(status),
        signals=orjson.dumps(signals).decode(),
        reported_at=now() + timedelta(minutes=minutes),
    )
    async with c.transaction():
        await settle.apply_reports(c, [one], now(), 0)


def report_record(delivery_id: str, text: str | None = None) -> dict[str, Any]:
    """Write a record that was put aside: a report that DUO sent before anybody knew its delivery."""
    signals = [] if text is None else [{"kind": "Melding", "code": "M1", "text": text}]
    data = {"deliveryId": delivery_id, "status": "processed", "signals": signals, "reportedAt": now().isoformat()}
    event = {"specversion": "1.0", "id": "r1", "source": "urn:x", "type": "nl.osr.report.v1", "data": data}
    return {
        "topic": "duo.reports.v1", "partition": 0, "offset": 7, "key": None, "headers": [],
        "bytes": orjson.dumps(event), "digest": delivery_id.encode(), "reason": "unknown_delivery", "blame": "sender",
        "detail": "x", "delivery_id": None, "mandate_id": None, "mandate_version": None, "received_at": now(),
    }  # fmt: skip


async def _attempt(c: Connection, names: Collection[str], *, fail: bool) -> list[Any]:
    owner, done = (await processes.enter(c, "forward")).process, []
    rows = await c.fetch("select id from destinations where name = any($1::text[])", list(names))
    while taken := await lanes.take(c, owner, {row["id"]: 1000 for row in rows}, 40):
        attempt = _failed if fail else _succeeded
        results = [attempt(lease, deliveries) for lease, deliveries in taken.items()]
        async with c.transaction():
            await settle.record_attempts(c, owner, results, now())
        done += [item for result in results for item in (*result.succeeded, *result.failed)]
    return done


def _succeeded(lease: Lease, deliveries: list[QueuedDelivery]) -> LaneResult:
    queue = Destination(id=lease.destination, name="queue", kind="duo", topic="queue")
    progress = LaneProgress(lease=lease, destination=queue)
    for delivery in deliveries:
        if not progress.skips(delivery):
            sent = Delivered(at=now(), partition=3, offset=delivery.message.sequence, duration_ms=7)
            progress.record(delivery, sent, now())
    return progress.result()


def _failed(lease: Lease, deliveries: list[QueuedDelivery]) -> LaneResult:
    first = deliveries[0]
    failed = FailedAttempt(
        key=DeliveryKey(lease.destination, lease.brin, first.message.sequence),
        before=first.status,
        move=Move.FAILED,
        outcome=RetryLater(at=now(), error="nobody answers", duration_ms=7),
        reason=None,
        expects_report=first.expects_report,
    )
    update = LaneUpdate(lease=lease, head=lease.head, sent=lease.sent, closed=lease.closed, wait=300.0)
    return LaneResult(update=update, failed=[failed])
