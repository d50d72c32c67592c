"""A collector of traces for tests: an HTTP server that decodes what an exporter sends. In: requests. Out: spans."""

from __future__ import annotations

import gzip
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.receivers.receiver import receiver, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.support.receivers.receiver import ReceivedRequest, Receiver


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectedSpan:
    """A span as it was sent; ids are hexadecimal, `parent` is empty for the first span of a trace."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    links: tuple[str, ...]
    attributes: Mapping[str, str | int]
    is_error: bool
    nanoseconds: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Collector:
    """What was collected, and the address to export to."""

    receiver: Receiver

    @property
    def endpoint(self) -> str:
        """The value of `OTEL_EXPORTER_OTLP_ENDPOINT`."""
        return f"http://127.0.0.1:{self.receiver.port}"

    @property
    def spans(self) -> list[CollectedSpan]:
        """All spans so far."""
        return [span for request in self.receiver.got for span in _decode(request)]

    def of_trace(self, trace: str) -> list[CollectedSpan]:
        """Return the spans of one trace, in the order in which they began."""
        return sorted((span for span in self.spans if span.trace == trace), key=lambda span: span.nanoseconds)


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    """Run a collector while the context lasts."""
    async with receiver(lambda _: reply(200, content_type="application/x-protobuf")) as it:
        yield Collector(it)


def _decode(request: ReceivedRequest) -> list[CollectedSpan]:
    assert (request.target, request.headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
    body = gzip.decompress(request.body) if request.headers.get("content-encoding") == "gzip" else request.body
    message = ExportTraceServiceRequest.FromString(body)
    return [
        CollectedSpan(
            service=_attributes(resource.resource)["service.name"],
            name=span.name,
            trace=span.trace_id.hex(),
            id=span.span_id.hex(),
            parent=span.parent_span_id.hex(),
            links=tuple(link.span_id.hex() for link in span.links),
            attributes=_attributes(span),
            is_error=span.status.code == span.status.STATUS_CODE_ERROR,
            nanoseconds=(span.start_time_unix_nano, span.end_time_unix_nano),
        )
        for resource in message.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _attributes(holder: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in holder.attributes}
