"""What is told of an attempt: one canonical line, and a span of its trace. In: a delivery and its outcome."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import structlog
from opentelemetry.trace import SpanKind

from hub.domain.delivery import Delivered, NotAttempted
from hub.store.lanes import outcome_name
from hub.telemetry import LineLog, trace_id_of
from hub.telemetry.spans import Step, begin, end, is_on, record_batch

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from datetime import datetime

    from opentelemetry.trace import Span

    from consumers.forwarding.lane_progress import LaneProgress
    from hub.domain.delivery import Failure, Outcome
    from hub.store.lanes import QueuedDelivery

log: Final = LineLog(structlog.get_logger(__name__))


def begin_span(progress: LaneProgress, delivery: QueuedDelivery) -> Span | None:
    """Begin the span of an attempt at a webhook."""
    return begin(_step(progress, delivery)) if is_on() else None


async def end_with(span: Span, sending: Coroutine[Any, Any, Outcome]) -> Outcome:
    """End the span of an attempt at a webhook with its outcome."""
    outcome = await sending
    _end_span(span, outcome)
    return outcome


def _end_span(span: Span, outcome: Outcome) -> None:
    match outcome:
        case NotAttempted():
            end(span, {"outcome": "not_attempted"}, outcome.error)
        case Delivered():
            end(span, _answered(outcome))
        case _:
            end(span, _answered(outcome), outcome.error)


class SentSteps:
    """Spans of what went to queues: those of one turn of the event loop were one batch."""

    def __init__(self) -> None:
        self._steps: list[Step] = []

    def add(self, progress: LaneProgress, delivery: QueuedDelivery, outcome: Outcome, sent_at: datetime) -> None:
        """Add an attempt at a queue; attempts at webhooks have spans already."""
        if not is_on() or progress.destination.topic is None:
            return
        if not self._steps:
            asyncio.get_running_loop().call_soon(self._record, sent_at, outcome.at)
        failed = None if isinstance(outcome, Delivered) else outcome.error
        self._steps.append(replace(_step(progress, delivery), error=failed))

    def _record(self, began: datetime, ended: datetime) -> None:
        steps, self._steps = self._steps, []
        record_batch("send", SpanKind.PRODUCER, steps, began, ended)


def _step(progress: LaneProgress, delivery: QueuedDelivery) -> Step:
    message, name = delivery.message, progress.destination.name
    return Step(
        name=f"send {name}",
        traceparent=message.traceparent,
        attributes={
            "delivery": str(message.id),
            "destination": name,
            "brin": message.brin,
            "sequence": message.sequence,
            "attempt": delivery.attempts + 1,
        },
    )


def _answered(outcome: Delivered | Failure) -> dict[str, str | int]:
    status = {} if outcome.http_status is None else {"http.response.status_code": outcome.http_status}
    return {"outcome": outcome_name(outcome), **status}


def log_attempt(progress: LaneProgress, delivery: QueuedDelivery, outcome: Outcome) -> None:
    """Write the one line of an attempt, with the names that `GET /v1/deliveries/{id}` has for the same."""
    is_delivered = isinstance(outcome, Delivered)
    if isinstance(outcome, NotAttempted) or not log.is_on or (is_delivered and not log.logs_successes):
        return
    message = delivery.message
    log.info(
        "delivery.attempted",
        delivery=str(message.id),
        destination=progress.destination.name,
        brin=message.brin,
        branch=message.branch or None,
        sequence=message.sequence,
        attempt=delivery.attempts + 1,
        outcome=outcome_name(outcome),
        httpStatus=outcome.http_status,
        durationMs=outcome.duration_ms,
        traceId=trace_id_of(message.traceparent),
        error=None if isinstance(outcome, Delivered) else outcome.error,
    )
