"""Spans of reports. In: answers to DUO's reports. Out: a span of each, in the trace of its delivery's event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from opentelemetry.trace import SpanKind

from hub.settle import UnknownDelivery
from hub.store.pool import DATABASE_ERRORS
from hub.store.traces import traces_of_deliveries
from hub.telemetry.spans import Step, is_on, record_batch

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from hub.clock import LedgerClock
    from hub.settle.reports import ReportAnswer
    from hub.store.pool import Pool

log = structlog.get_logger(__name__)


async def trace_reported(pool: Pool, answers: Iterable[ReportAnswer], began: datetime, clock: LedgerClock) -> None:
    """Record what became of these reports, from `began` until now; they are applied in any case."""
    if not is_on():
        return
    results = [result for answer in answers if not isinstance(answer, UnknownDelivery) for result in answer]
    ended = clock.now()
    try:
        async with pool.acquire() as c:
            traces = await traces_of_deliveries(c, {result.delivery_id for result in results})
    except DATABASE_ERRORS as error:
        log.info("spans.lost", error=str(error), next="the reports are applied")
        return
    steps = [
        Step(
            name="report duo",
            traceparent=traces.get(result.delivery_id),
            attributes={"delivery": str(result.delivery_id), "status": result.status.value},
        )
        for result in results
    ]
    record_batch("report duo", SpanKind.CONSUMER, steps, began, ended)
