"""Steps of lanes on a real database, for tests that take them one by one. In: who does what. Out: what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from consumers.forwarding.destination import Destination
from consumers.forwarding.lane_progress import LaneProgress
from hub import settle
from hub.domain.delivery import Delivered, RetryLater
from hub.domain.retry import SCHEDULE
from hub.errors import Conflict
from hub.settle import IncomingReport
from hub.store import destinations, processes
from schemas.kinds import DeliveryStatus as Status

if TYPE_CHECKING:
    import asyncpg

    from hub.settle import LaneResult
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
class LaneSteps:
    """A leased lane, step by step: its deliveries, what came of those sent, and whether it sends on."""

    lease: Lease
    deliveries: list[QueuedDelivery]
    steps: list[tuple[QueuedDelivery, Status]] = field(default_factory=list)
    ended: bool = False
    was_late: bool = False


def result_of(turn: LaneSteps) -> LaneResult:
    """Let the forwarder's own decision follow from what a lane's steps came to."""
    first = Destination(id=turn.lease.destination, name="las", kind="las", topic=None)
    progress = LaneProgress(lease=replace(turn.lease, early=0.0), destination=first)
    for delivery, status in turn.steps:
        if progress.skips(delivery):
            continue
        at = datetime.now(UTC)
        if status is Status.DELIVERED:
            progress.record(delivery, Delivered(at=at, partition=0, offset=delivery.message.sequence), at)
        else:
            attempts = len(SCHEDULE) if status is Status.DEAD else 1
            failure = RetryLater(at=at, error="nobody", duration_ms=1)
            progress.record(delivery._replace(attempts=attempts), failure, at)
    return progress.result()


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


A_SLOW_DAY: Final = 86_400.0
"""Seconds after which a silent forwarder is dead, where those that are to die have never beaten at all."""


async def rescue_lanes(c: asyncpg.Connection[Any]) -> int:
    """Declare dead who is silent, and say how many lanes that freed."""
    async with c.transaction():
        return await processes.rescue_lanes(c, A_SLOW_DAY)


async def close_circuit(c: asyncpg.Connection[Any], destination: int) -> bool:
    """Let everything through again."""
    async with c.transaction():
        return await destinations.close_circuit(c, destination)
