"""Spans of publishing. In: events that were published. Out: a span in the trace of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind

from hub.clock import now
from hub.telemetry.spans import Step, is_on, record_batch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hub.store.published_events import OutboxEntry


def trace_published(entries: Sequence[OutboxEntry], topic: str, began: datetime) -> None:
    """Record the publication of these events, from `began` until now."""
    if not is_on():
        return
    steps = [
        Step(
            name=f"publish {topic}",
            traceparent=entry.event.traceparent,
            attributes={"messaging.destination.name": topic, "brin": entry.event.brin, "number": entry.event.number},
        )
        for entry in entries
    ]
    record_batch(f"publish {topic}", SpanKind.PRODUCER, steps, began, now())
