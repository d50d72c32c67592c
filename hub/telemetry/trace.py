"""The W3C trace. In: a `traceparent`, as a header or a column. Out: the `traceparent` of the next step.

It lives in OpenTelemetry's own context, so that spans of the SDK, where there is one, continue it.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from opentelemetry import context, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRACEPARENT: Final = re.compile("00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_W3C: Final = TraceContextTextMapPropagator()


def is_traceparent(text: str | None) -> bool:
    """Return whether this is a version 00 `traceparent` that names a trace."""
    return text is not None and _TRACEPARENT.fullmatch(text) is not None


def trace_id_of(traceparent: str | None) -> str | None:
    """Return the 32 digits by which a trace is found; None where there is no trace."""
    return traceparent[3:35] if traceparent else None


def new_traceparent(*, is_sampled: bool = True) -> str:
    """Return the `traceparent` of a new trace; what changes thousands of mandates is not sampled: it has no spans."""
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-{'01' if is_sampled else '00'}"


def child_of(traceparent: str | None) -> str:
    """Return the `traceparent` of a trace's next step, or of a new trace when there is none."""
    if traceparent is None or not is_traceparent(traceparent):
        return new_traceparent()
    return f"{traceparent[:36]}{os.urandom(8).hex()}{traceparent[52:]}"


def current_traceparent() -> str | None:
    """Return the `traceparent` of the current context, for the message that it causes."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get("traceparent")


def context_of(traceparent: str | None) -> context.Context:
    """Return OpenTelemetry's context of a `traceparent`; an empty one when it is none."""
    given = traceparent if is_traceparent(traceparent) else None
    return _W3C.extract({"traceparent": given} if given else {}, context.Context())


@contextmanager
def continued_trace(traceparent: str | None) -> Iterator[None]:
    """Run the body as the next step of this trace."""
    parent = _W3C.extract({"traceparent": child_of(traceparent)}, context.get_current())
    token = context.attach(trace.set_span_in_context(trace.get_current_span(parent), parent))
    try:
        yield
    finally:
        context.detach(token)
