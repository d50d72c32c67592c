"""Spans of planning. In: deliveries that were planned. Out: a span of each, in the trace of its event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from opentelemetry.trace import SpanKind

from hub.store.pool import DATABASE_ERRORS
from hub.store.traces import traces_of_events
from hub.telemetry.spans import Step, is_on, record_batch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hub.clock import LedgerClock
    from hub.domain.planning import Planned
    from hub.store.pool import Pool

log = structlog.get_logger(__name__)


async def trace_planned(pool: Pool, planned: Sequence[Planned], began: datetime, clock: LedgerClock) -> None:
    """Record the planning of these deliveries, from `began` until now; what was planned stands in any case."""
    if not is_on():
        return
    ended = clock.now()
    try:
        async with pool.acquire() as c:
            traces = await traces_of_events(c, {(p.brin, p.event_number) for p in planned})
    except DATABASE_ERRORS as error:
        log.info("spans.lost", error=str(error), next="what was planned stands")
        return
    steps = [
        Step(
            name=f"plan {p.destination.name}",
            traceparent=traces.get((p.brin, p.event_number)),
            attributes={"delivery": str(p.id), "destination": p.destination.name, "brin": p.brin},
        )
        for p in planned
    ]
    record_batch("plan", SpanKind.CONSUMER, steps, began, ended)
