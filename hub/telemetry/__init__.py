"""What the hub tells about itself: log lines, canonical lines per attempt, traces and their spans.

A trace goes from request to event to message as a W3C `traceparent`. With `OTEL_EXPORTER_OTLP_ENDPOINT` each step is a
span that OpenTelemetry's SDK exports; without it no SDK is loaded, and a `traceparent` is made all the same, so that a
message can be followed through log lines.
"""

from hub.telemetry.lines import LineLog
from hub.telemetry.trace import (
    child_of,
    continued_trace,
    current_traceparent,
    is_traceparent,
    new_traceparent,
    trace_id_of,
)

__all__ = [
    "LineLog",
    "child_of",
    "continued_trace",
    "current_traceparent",
    "is_traceparent",
    "new_traceparent",
    "trace_id_of",
]
