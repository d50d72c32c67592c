"""Spans of a trace's steps. In: steps with the `traceparent` of their cause. Out: spans, when a tracer was set up.

A step whose work is one with others' (a batch) has a span in its own trace; when they are of several traces, it has a
link to a span of the batch, and that has links to them. Without a tracer every function here returns at once.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from hub.telemetry.trace import context_of, continued_trace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from opentelemetry.trace import Span, Tracer

    Attributes = Mapping[str, str | int]

MOST_LINKS: Final = 128
"""What the SDK keeps of a span's links."""
SERVER_ERROR: Final = 500


@dataclass(slots=True)
class Tracing:
    """The tracer of this process; None while nobody collects spans."""

    tracer: Tracer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of a trace that was done; `error` says in words why it failed."""

    name: str
    traceparent: str | None
    attributes: Attributes = field(default_factory=dict)
    error: str | None = None


tracing = Tracing()


def is_on() -> bool:
    """Return whether spans are collected."""
    return tracing.tracer is not None


@contextmanager
def request_span(method: str, traceparent: str | None) -> Iterator[Span | None]:
    """Run a request as the next step of its caller's trace, or of a new one."""
    if tracing.tracer is None:
        with continued_trace(traceparent):
            yield None
        return
    context = context_of(traceparent)
    with tracing.tracer.start_as_current_span(method, context, SpanKind.SERVER) as span:
        yield span


def end_request(span: Span | None, method: str, route: str, status: int) -> None:
    """Give the span of a request its name, by the route that answered, and its status."""
    if span is None:
        return
    span.update_name(f"{method} {route}")
    span.set_attributes({"http.request.method": method, "http.route": route, "http.response.status_code": status})
    if status >= SERVER_ERROR:
        span.set_status(Status(StatusCode.ERROR))


@contextmanager
def inner_span(name: str, **attributes: str | int) -> Iterator[None]:
    """Run the body as a step inside the current one."""
    if tracing.tracer is None:
        yield
        return
    with tracing.tracer.start_as_current_span(name, attributes=attributes):
        yield


def begin(step: Step) -> Span | None:
    """Begin a step that calls another system, whose request names this span as its parent."""
    if tracing.tracer is None or step.traceparent is None:
        return None
    return tracing.tracer.start_span(
        step.name, context_of(step.traceparent), SpanKind.CLIENT, attributes=step.attributes
    )


def traceparent_of(span: Span | None) -> str | None:
    """Return the `traceparent` that names this span."""
    if span is None:
        return None
    own = span.get_span_context()
    return f"00-{own.trace_id:032x}-{own.span_id:016x}-{own.trace_flags:02x}"


def end(span: Span | None, attributes: Attributes, error: str | None = None) -> None:
    """End a step that was begun."""
    if span is None:
        return
    span.set_attributes(attributes)
    if error is not None:
        span.set_status(Status(StatusCode.ERROR, error))
    span.end()


def record_here(step: Step, began: datetime, ended: datetime) -> None:
    """Record a step of a trace that the current request did; the two are linked when they are of different traces."""
    if tracing.tracer is None or step.traceparent is None:
        return
    here = trace.get_current_span().get_span_context()
    is_elsewhere = here.is_valid and f"{here.trace_id:032x}" != step.traceparent[3:35]
    _record(tracing.tracer, step, SpanKind.INTERNAL, (began, ended), [Link(here)] if is_elsewhere else [])


def record_batch(name: str, kind: SpanKind, steps: Sequence[Step], began: datetime, ended: datetime) -> None:
    """Record the steps that were one piece of work, each in its own trace."""
    traced = [step for step in steps if step.traceparent is not None]
    if tracing.tracer is None or not traced:
        return
    links: list[Link] = []
    if len({step.traceparent[3:35] for step in traced if step.traceparent}) > 1:
        causes = [trace.get_current_span(context_of(step.traceparent)) for step in traced[:MOST_LINKS]]
        batch = tracing.tracer.start_span(
            f"{name} batch",
            context_of(None),
            kind,
            attributes={"messaging.batch.message_count": len(steps)},
            links=[Link(cause.get_span_context()) for cause in causes],
            start_time=_nanoseconds(began),
        )
        batch.end(_nanoseconds(ended))
        links = [Link(batch.get_span_context())]
    for step in traced:
        _record(tracing.tracer, step, kind, (began, ended), links)


def _record(
    tracer: Tracer, step: Step, kind: SpanKind, moments: tuple[datetime, datetime], links: Sequence[Link]
) -> None:
    span = tracer.start_span(
        step.name,
        context_of(step.traceparent),
        kind,
        attributes=step.attributes,
        links=links,
        start_time=_nanoseconds(moments[0]),
    )
    if step.error is not None:
        span.set_status(Status(StatusCode.ERROR, step.error))
    span.end(_nanoseconds(moments[1]))


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1000
