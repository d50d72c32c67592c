"""A trace leads to its deliveries, and a delivery to its trace."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from hub.access import Role
from hub.clock import now
from hub.telemetry import spans
from tests.support.api.school_calls import mandate_request
from tests.support.lanes.ledger_states import plan_all

if TYPE_CHECKING:
    from hub.store.pool import Pool
    from tests.support.api.client import Client

TRACE = "0af7651916cd43dd8448eb211c80319c"
SENT = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


@pytest.fixture
async def operator(hub: Client, school: Client, pool: Pool) -> Client:
    """Be an operator after two changes, one of which came in a trace."""
    for service, headers in (("VVA", SENT), ("RIO", {})):
        answer = await school.post("/v1/mandates", mandate_request(serviceCode=service), headers=headers)
        assert answer.status == 201
    async with pool.acquire() as c:
        await plan_all(c)
    return hub.as_caller(Role.OPERATIONS)


async def test_a_trace_is_found_by_its_id(operator: Client) -> None:
    """Only deliveries of the change that came in it are listed, and each shows the trace, in a list and alone."""
    found = (await operator.get("/v1/deliveries", traceId=TRACE)).json["items"]
    everything = (await operator.get("/v1/deliveries")).json["items"]

    assert found
    assert {each["traceId"] for each in found} == {TRACE}
    assert [each for each in everything if each["traceId"] == TRACE] == found
    assert len(everything) > len(found)
    assert (await operator.get(f"/v1/deliveries/{found[0]['id']}")).json["traceId"] == TRACE


async def test_a_trace_is_searched_in_a_period(operator: Client, pool: Pool) -> None:
    """Without `from` the last seven days; with it as far back as it says."""
    async with pool.acquire() as c:
        await c.execute("update events set recorded_at = recorded_at - interval '8 days'")
    since = (now() - timedelta(days=9)).strftime("%Y-%m-%dT%H:%M:%SZ")

    assert (await operator.get("/v1/deliveries", traceId=TRACE)).json["items"] == []
    assert (await operator.get(f"/v1/deliveries?traceId={TRACE}&from={since}")).json["items"]


async def test_a_trace_shows_nobody_more_than_they_may_read(operator: Client, school: Client) -> None:
    """Another school finds nothing by it, and what is no trace is an error."""
    other = operator.as_caller(Role.SCHOOL, brins=["11OA"])

    assert (await school.get("/v1/deliveries", traceId=TRACE)).json["items"]
    assert (await other.get("/v1/deliveries", traceId=TRACE)).json["items"] == []
    assert (await operator.get("/v1/deliveries", traceId=TRACE.upper())).status == 400


async def test_a_request_is_a_span_by_the_name_of_its_route(
    hub: Client, school: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids are no part of the name, the call and its registration are one trace, and probes have none."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(spans.tracing, "tracer", provider.get_tracer("test"))
    made = await school.post("/v1/mandates", mandate_request(), headers=SENT)
    await school.get(f"/v1/mandates/{made.json['id']}")
    await hub.get("/health/live")
    await school.get("/v1/nothing")

    found = exporter.get_finished_spans()
    assert [span.name for span in found] == [
        "register", "POST /v1/mandates", "GET /v1/mandates/{mandate_id}", "GET /v1/elsewhere",
    ]  # fmt: skip
    assert [f"{span.context.trace_id:032x}" == TRACE for span in found] == [True, True, False, False]
