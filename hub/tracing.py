"""Carries the W3C trace from request to event to message. In: a `traceparent`, or none. Out: one for the next hop.

The trace lives in OpenTelemetry's own context: with an SDK installed its spans are used, without one a `traceparent`
is made all the same, so that a message can be followed through log lines.
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

_FORM: Final = re.compile("00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_W3C: Final = TraceContextTextMapPropagator()


def is_traceparent(text: str | None) -> bool:
    """Say whether this is a version 00 `traceparent` that names a trace."""
    return text is not None and _FORM.fullmatch(text) is not None


def new_traceparent() -> str:
    """Begin a trace."""
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"


def child_of(traceparent: str | None) -> str:
    """Name the next step of this trace; the first of a new one when there is none."""
    if traceparent is None or not is_traceparent(traceparent):
        return new_traceparent()
    return f"{traceparent[:36]}{os.urandom(8).hex()}{traceparent[52:]}"


def current_traceparent() -> str | None:
    """Return the trace of what is being done, for the message that it causes."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def continued_trace(traceparent: str | None) -> Iterator[None]:
    """Do what is inside as the next step of this trace."""
    parent = _W3C.extract({"traceparent": child_of(traceparent)}, context.get_current())
    token = context.attach(trace.set_span_in_context(trace.get_current_span(parent), parent))
    try:
        yield
    finally:
        context.detach(token)
