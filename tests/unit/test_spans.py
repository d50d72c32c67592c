"""Spans: one per step in its own trace, links where a batch mixes traces, and nothing at all without a collector."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from hub.errors import ConfigurationError
from hub.telemetry import current_traceparent, new_traceparent, spans
from hub.telemetry.export import is_wanted, set_up_tracing
from hub.telemetry.spans import Step
from tests.support.observing.collector import collector
from tests.support.servers.stacks import until

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
THEN = NOON + timedelta(milliseconds=7)


@pytest.fixture
def recorded() -> Iterator[InMemorySpanExporter]:
    """Collect spans in memory."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    spans.tracing.tracer = provider.get_tracer("test")
    yield exporter
    spans.tracing.tracer = None


def test_steps_of_a_batch_stay_in_their_traces_and_are_linked(recorded: InMemorySpanExporter) -> None:
    """Two traces in one piece of work: a span in each, and one of the batch that they and it are linked with."""
    traces = [new_traceparent(), new_traceparent()]
    steps = [Step(name="plan duo:rio", traceparent=trace) for trace in [*traces, traces[0], None]]
    spans.record_batch("plan", SpanKind.CONSUMER, steps, NOON, THEN)

    batch, *each = recorded.get_finished_spans()
    assert (batch.name, [f"{link.context.trace_id:032x}" for link in batch.links]) == (
        "plan batch",
        [trace[3:35] for trace in [*traces, traces[0]]],
    )
    assert [f"{span.context.trace_id:032x}" for span in each] == [trace[3:35] for trace in [*traces, traces[0]]]
    assert {link.context.span_id for span in each for link in span.links} == {batch.context.span_id}
    assert {(span.end_time or 0) - (span.start_time or 0) for span in each} == {7_000_000}


def test_a_batch_of_one_trace_needs_no_link(recorded: InMemorySpanExporter) -> None:
    """An ordinary change has no span beside its own; a failure says so."""
    spans.record_batch(
        "send", SpanKind.PRODUCER, [Step(name="s", traceparent=new_traceparent(), error="no")], NOON, THEN
    )

    (span,) = recorded.get_finished_spans()
    assert (span.links, span.status.description) == ((), "no")


def test_what_was_not_sampled_has_no_spans(recorded: InMemorySpanExporter) -> None:
    """The thousands of changes of a file are told by lines alone."""
    unsampled = new_traceparent(is_sampled=False)
    spans.record_batch("plan", SpanKind.CONSUMER, [Step(name="p", traceparent=unsampled)], NOON, THEN)

    assert recorded.get_finished_spans() == ()


def test_a_request_continues_the_trace_of_its_caller(recorded: InMemorySpanExporter) -> None:
    """Its events carry the span of the request; a hostile header begins a new trace."""
    given = new_traceparent()
    with spans.request_span("POST", given) as span:
        inside = current_traceparent()
        spans.end_request(span, "POST", "/v1/mandates", 503)
    with spans.request_span("POST", "00-0-0-0"):
        assert (current_traceparent() or "")[3:35] != given[3:35]

    first, second = recorded.get_finished_spans()
    assert inside == spans.traceparent_of(first)  # type: ignore[arg-type]
    assert first.parent is not None
    assert f"00-{first.parent.trace_id:032x}-{first.parent.span_id:016x}-01" == given
    assert (first.name, first.status.is_ok, second.parent) == ("POST /v1/mandates", False, None)


def test_without_a_collector_nothing_is_loaded() -> None:
    """Neither the SDK nor its exporter, in a process that sends, plans and serves."""
    program = (
        "import sys, hub.api.app, consumers.planning.planner, consumers.forwarding.forwarder, producers.relay\n"
        "from hub.telemetry.export import set_up_tracing\n"
        "set_up_tracing({'OTEL_SERVICE_NAME': 'x'})()\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own program

    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "hub"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_an_endpoint_asks_for_spans(given: dict[str, str], *, wanted: bool) -> None:
    """OpenTelemetry's own names decide."""
    assert is_wanted(given) is wanted


def test_a_protocol_that_is_not_spoken_stops_the_start() -> None:
    """A collector that hears nothing would be noticed too late."""
    with pytest.raises(ConfigurationError, match="grpc"):
        set_up_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})


async def test_spans_reach_a_collector_under_the_name_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment names is what arrives; ending it sends the last ones."""
    async with collector() as it:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", it.endpoint)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "hub-of-a-test")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        end = set_up_tracing()
        spans.record_batch("plan", SpanKind.CONSUMER, [Step(name="p", traceparent=new_traceparent())], NOON, THEN)
        await asyncio.to_thread(end)

        async def arrived() -> bool:
            return [(span.service, span.name) for span in it.spans] == [("hub-of-a-test", "p")]

        await until(arrived, "the span")
    assert not spans.is_on()
