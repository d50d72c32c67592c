"""What is told of an attempt: one canonical line, and a span of its trace. In: a delivery and its outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from hub.domain.delivery import Delivered, NotAttempted
from hub.store.lanes import outcome_name
from hub.telemetry import LineLog, trace_id_of

if TYPE_CHECKING:
    from consumers.forwarding.lane_progress import LaneProgress
    from hub.domain.delivery import Outcome
    from hub.store.lanes import QueuedDelivery

log: Final = LineLog(structlog.get_logger(__name__))


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
