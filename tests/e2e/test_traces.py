"""One trace, from the call of a school to the report of a receiver, on the real processes and at a real collector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support.observing.collector import Collector, collector
from tests.support.register.stack_register import BOARDS, set_up_register
from tests.support.servers.stacks import RunningStack, running_stack, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BRIN: Final = "18DS"


@pytest.fixture(scope="module")
async def collected() -> AsyncIterator[Collector]:
    """Give a collector that all processes of the stack export to."""
    async with collector() as it:
        yield it


@pytest.fixture(scope="module")
async def stack(collected: Collector, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningStack]:
    """Give a stack that is started as an operator would who has a collector."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collected.endpoint)
        environment.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        async with running_stack(tmp_path_factory.mktemp("stack")) as running:
            await set_up_register(running, tmp_path_factory.mktemp("files"))
            yield running


@dataclass(frozen=True, slots=True)
class Missing:
    """What a collector lacks, said when it is waited for in vain."""

    collector: Collector
    trace: str
    wanted: list[str]

    def __str__(self) -> str:
        found = [span.name for span in self.collector.of_trace(self.trace)]
        return f"{self.wanted} of {self.trace}, which has {found}"


async def _done(stack: RunningStack, service: str) -> dict[str, Any]:
    """Let a school give a mandate, and return its delivery once its receiver has reported on it."""
    school = await stack.token("OSR-toegang", *(word for board in BOARDS for word in ("--bge", board)))
    supplier = stack.connection["simulators"]["las"]["oin"]
    body = {"brin": BRIN, "serviceCode": service, "supplierOin": supplier}
    made = await stack.call("POST", "/mandates", body, token=school)
    found: list[dict[str, Any]] = []

    async def reported() -> bool:
        found[:] = (await stack.call("GET", f"/deliveries?mandateId={made['id']}"))["items"]
        return bool(found) and all(each["processedAt"] for each in found)

    await until(reported, f"{service} is reported on")
    return found[0]


@pytest.mark.parametrize("service", ["VVA", "RIO"])
async def test_a_change_is_one_trace_from_the_call_to_the_report(
    stack: RunningStack, collected: Collector, service: str
) -> None:
    """Call, register, relay, planner, forwarder and report are spans of the trace that the delivery shows."""
    delivery = await _done(stack, service)
    to, by = delivery["destination"], "las" if service == "VVA" else "duo"
    wanted = ["POST /v1/mandates", "register", "publish osr.mandates.v1", f"plan {to}", f"send {to}", f"report {by}"]

    async def complete() -> bool:
        return set(wanted) <= {span.name for span in collected.of_trace(delivery["traceId"])}

    await until(complete, Missing(collected, delivery["traceId"], wanted))
    spans = {span.name: span for span in collected.of_trace(delivery["traceId"])}
    call = spans["POST /v1/mandates"]
    assert call.parent == ""
    assert call.attributes["http.response.status_code"] == 201
    assert {spans[name].parent for name in wanted[1:]} == {call.id}
    assert {spans[name].attributes["delivery"] for name in wanted[3:]} == {delivery["id"]}
    assert {span.service for span in spans.values()} == {"osr-hub"}
    assert not any(span.is_error for span in spans.values())


async def test_a_report_in_a_trace_of_its_own_leads_to_that_of_the_change(
    stack: RunningStack, collected: Collector
) -> None:
    """The call of a LAS that begins a trace of its own is linked from the trace of the delivery."""
    assert stack.connection

    async def linked() -> bool:
        reports = [span for span in collected.spans if span.name == "report las"]
        calls = {span.id for span in collected.spans if span.name == "POST /v1/deliveries/{delivery_id}/reports"}
        return bool(reports) and all(set(span.links) & calls for span in reports)

    await until(linked, "a report is linked to the call that brought it")
