"""Steps of lanes on a real database, for tests that take them one by one. In: who does what. Out: what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from hub import settle
from hub.domain.outcome import Delivered, RetryLater
from hub.errors import Conflict
from hub.settle import IncomingReport, LaneResult
from hub.store import destinations, processes
from hub.store.lanes import FailedAttempt, LaneUpdate, SucceededAttempt
from schemas.kinds import DeliveryStatus as Status
from tests.support.lanes.lane_model import WAITS

if TYPE_CHECKING:
    import asyncpg

    from hub.store.lanes import Lease, QueuedDelivery
    from schemas.kinds import ReportStatus

FORGET: Final = (
    "truncate lanes, deliveries, planning_progress, events, event_outbox, tallies, change_outbox, attempts, reports;"
    "truncate processes, audit, audit_heads;"
    "update schools set counter = 0; update destinations set circuit = 'closed', circuit_since = null,"
    " circuit_cause = null, circuit_error = null, circuit_openings = 0, probe_at = null, held = false"
)
LANES: Final = """
select brin, head, tail, sent, token, owner,
       case when due <= clock_timestamp() then 'now' when due is not null then 'later' end, held
  from lanes order by brin"""
"""Where every lane stands."""
NAMED: Final = "select id from deliveries where brin = $1 and sequence = $2"


@dataclass
class Turn:
    """A lane in a forwarder's hand: what it holds, what was sent of it, and whether it sends on."""

    lease: Lease
    deliveries: list[QueuedDelivery]
    steps: list[tuple[QueuedDelivery, Status]] = field(default_factory=list)
    ended: bool = False
    was_late: bool = False


def run_of(turn: Turn) -> LaneResult:
    """Write what a turn came to as it is settled."""
    lease, head, sent, wait = turn.lease, turn.lease.head, turn.lease.sent, 0.0
    taken, missed = [], []
    for delivery, status in turn.steps:
        at, key = datetime.now(UTC), (lease.destination, lease.brin, delivery.message.sequence)
        if delivery.status not in WAITS:
            head = key[2]
            sent = sent if delivery.status is Status.CANCELLED else head
        elif status is Status.DELIVERED:
            outcome = Delivered(at=at, partition=0, offset=key[2])
            taken.append(
                SucceededAttempt(
                    key=key,
                    before=delivery.status,
                    outcome=outcome,
                    expects_report=True,
                    planned_at=delivery.planned_at,
                )
            )
            head = sent = key[2]
        else:
            failure = RetryLater(at=at, error="nobody", duration_ms=1)
            reason = "exhausted" if status is Status.DEAD else None
            missed.append(
                FailedAttempt(key=key, before=delivery.status, after=status, outcome=failure, counted=1, reason=reason,
                       expects_report=True)
            )  # fmt: skip
            head, sent = (key[2], key[2]) if status is Status.DEAD else (head, sent)
            wait = 0.0 if status is Status.DEAD else 300.0
    return LaneResult(
        standing=LaneUpdate(lease=lease, head=head, sent=sent, closed=lease.closed, wait=wait),
        taken=taken,
        missed=missed,
    )


async def report_on(c: asyncpg.Connection[Any], brin: str, number: int, status: ReportStatus, at: datetime) -> bool:
    """Report on a message, and say whether it was news."""
    one = IncomingReport(delivery_id=await c.fetchval(NAMED, brin, number), status=status, reported_at=at)
    async with c.transaction():
        ((result,),) = await settle.apply_reports(c, [one], datetime.now(UTC), 0)  # type: ignore[misc]
    return bool(result.ignored_because is None)


async def cancel_one(c: asyncpg.Connection[Any], brin: str, number: int) -> bool:
    """Cancel a message, and say whether it could be."""
    identity = await c.fetchval(NAMED, brin, number)
    try:
        async with c.transaction():
            await settle.cancel(c, identity, "not needed", datetime.now(UTC))
    except Conflict:
        return False
    return True


async def bury(c: asyncpg.Connection[Any]) -> int:
    """Declare dead who is silent, and say how many lanes that freed."""
    async with c.transaction():
        return await processes.rescue_lanes(c)


async def close_circuit(c: asyncpg.Connection[Any], destination: int) -> bool:
    """Let everything through again."""
    async with c.transaction():
        return await destinations.close_circuit(c, destination)
