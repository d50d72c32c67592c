"""Sends spans to a collector. In: OpenTelemetry's own names in the environment. Out: a tracer, until it is ended.

The SDK and its exporter are loaded only when an endpoint is named: `OTEL_EXPORTER_OTLP_ENDPOINT`, or that of traces.
What else they read (`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, headers, certificates,
`OTEL_BSP_…`) is theirs; `deploy/runbook.md` has the list. A collector that is away costs spans and delays nothing.
"""

from __future__ import annotations

import os
from threading import Thread
from typing import TYPE_CHECKING, Final

from hub.errors import ConfigurationError
from hub.telemetry.spans import tracing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL: Final = "http/protobuf"
SERVICE: Final = "osr-hub"
LAST_FLUSH_SECONDS: Final = 3.0


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Return whether the environment asks for spans."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower() not in {"", "otlp"}:
        return False
    return any(environment.get(name, "").strip() for name in ENDPOINTS)


def set_up_tracing(environment: Mapping[str, str] = os.environ) -> Callable[[], None]:
    """Export spans from now on, if the environment asks for it; return what sends the last ones and ends it."""
    if not is_wanted(environment):
        return _nothing
    for name in PROTOCOLS:
        given = environment.get(name, PROTOCOL).strip()
        if given not in {"", PROTOCOL}:
            raise ConfigurationError(f"{name} is {given}", next_step=f"Leave it out, or set it to {PROTOCOL}.")
    return _start(environment)


def _nothing() -> None:
    """End nothing, because nothing was set up."""


def _start(environment: Mapping[str, str]) -> Callable[[], None]:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - costs a second
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    is_named = environment.get("OTEL_SERVICE_NAME") or "service.name=" in environment.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    resource = Resource.create({} if is_named else {"service.name": SERVICE})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    tracing.tracer = provider.get_tracer(SERVICE)

    def end() -> None:
        tracing.tracer = None
        ending = Thread(target=provider.shutdown, daemon=True)  # a collector that is away would hold it up
        ending.start()
        ending.join(LAST_FLUSH_SECONDS)

    return end
