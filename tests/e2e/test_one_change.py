"""One mandate change, end to end on the real processes, as a LAS and a reader of DUO's queues see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pytest
from cloudevents.core.bindings import http, kafka
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.support.receivers.receiver import ReceivedRequest, Receiver, receiver
from tests.support.receivers.recording_receivers import (
    DUO_QUEUES,
    accept_all,
    events_in,
    gaps,
    inversions,
    messages,
)
from tests.support.register.stack_register import BOARDS, TEST_LAS
from tests.support.servers import live_services
from tests.support.servers.stacks import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.servers.stacks import RunningStack

BRIN: Final = "18DS"
FAR: Final = "2031-07-31"
NEAR: Final = "2030-07-31"


@dataclass(frozen=True, kw_only=True)
class Las:
    """A LAS of the test's own: its receiver, its secret, its token, and a token of the schools'."""

    receiver: Receiver
    secret: str
    token: str
    schools: str


@pytest.fixture(scope="module")
async def las(stack: RunningStack) -> AsyncIterator[Las]:
    """Subscribe a LAS through the API."""
    token = await stack.token("las", "--oin", TEST_LAS)
    schools = await stack.token("OSR-toegang", *(word for board in BOARDS for word in ("--bge", board)))
    async with receiver(accept_all) as its_receiver:
        wish = {"url": its_receiver.url, "services": ["VVA"]}
        made = await stack.call("POST", "/subscriptions", wish, token=token)
        yield Las(receiver=its_receiver, secret=made["secret"], token=token, schools=schools)


async def _grant(stack: RunningStack, las: Las, brin: str, service: str, **more: object) -> dict[str, Any]:
    body = {"brin": brin, "serviceCode": service, "supplierOin": TEST_LAS, "endDate": FAR, **more}
    made: dict[str, Any] = await stack.call("POST", "/mandates", body, token=las.schools)
    return made


async def _arrived(las: Las, brin: str, count: int) -> list[ReceivedRequest]:
    """Wait until so many messages about a school have come, and return the requests."""

    def of_school() -> list[ReceivedRequest]:
        return [got for got in las.receiver.got if messages([got], brin)]

    async def enough() -> bool:
        return len(of_school()) >= count

    await until(enough, f"{count} messages about {brin}", look=0.02)
    return of_school()


async def _cell(stack: RunningStack, brin: str, branch: str, service: str) -> dict[str, Any]:
    status = await stack.call("GET", f"/schools/{brin}/status")
    cells = next(one["cells"] for one in status["branches"] if one["branch"] == branch)
    found: list[dict[str, Any]] = [cell for cell in cells if cell["serviceCode"] == service]
    assert len(found) == 1, found
    return found[0]


async def test_a_change_arrives_signed_and_in_order_and_settles(stack: RunningStack, las: Las) -> None:
    """Grant, amend and withdraw reach the LAS in that order; the official libraries verify and parse each."""
    branches = [{"branch": "18DS00", "routingId": "0000000700018DS00001"}]
    made = await _grant(stack, las, BRIN, "VVA", branches=branches)
    await stack.call("PATCH", f"/mandates/{made['id']}", {"endDate": NEAR}, token=las.schools, etag='"1"')
    await stack.call("POST", f"/mandates/{made['id']}/withdrawal", {"reason": "proef"}, token=las.schools)
    got = await _arrived(las, BRIN, 6)
    for one in got:
        assert Webhook(las.secret).verify(one.body, dict(one.headers))["id"] == one.headers["webhook-id"]
    parsed = [http.from_http_event(http.HTTPMessage(headers=dict(one.headers), body=one.body)) for one in got]
    assert [(event.get_type().split(".")[3], event.get_extension("branch")) for event in parsed] == [
        ("granted", "18DS00"),
        ("granted", None),
        ("amended", "18DS00"),
        ("amended", None),
        ("withdrawn", "18DS00"),
        ("withdrawn", None),
    ]
    assert [int(event.get_extension("sequence")) for event in parsed] == [1, 2, 3, 4, 5, 6]
    assert not gaps(messages(got))
    assert parsed[0].get_extension("routingid") == "0000000700018DS00001"


async def test_one_changed_byte_is_noticed(stack: RunningStack, las: Las) -> None:
    """What was signed is what was sent: another body fails the official library's check."""
    await _grant(stack, las, "13JQ", "VVA")
    (got,) = await _arrived(las, "13JQ", 1)
    with pytest.raises(WebhookVerificationError):
        Webhook(las.secret).verify(got.body.replace(b"13JQ", b"13JR", 1), dict(got.headers))


async def test_what_the_las_reports_is_shown_per_branch(stack: RunningStack, las: Las) -> None:
    """A delivery is shown as delivered first, and as activated once its LAS has said so, with the time of each hop."""
    await _grant(stack, las, "12IT", "VVA")
    (got,) = await _arrived(las, "12IT", 1)

    async def shown_as(status: str) -> bool:
        return bool((await _cell(stack, "12IT", "12IT02", "VVA"))["status"] == status)

    async def delivered() -> bool:
        return await shown_as("delivered")

    await until(delivered, "12IT02 shown as delivered")
    report = {"status": "activated", "reportedAt": datetime.now(UTC).isoformat().replace("+00:00", "Z")}
    path = f"/deliveries/{got.headers['webhook-id']}/reports"
    said = await stack.call("POST", path, report, token=las.token)
    assert (said["status"], said["applied"]) == ("activated", True)
    cell = await _cell(stack, "12IT", "12IT02", "VVA")
    assert cell["status"] == "activated"
    assert cell["coverage"] == "school"
    assert all(cell["hops"][f"{hop}Seconds"] >= 0 for hop in ("publish", "plan", "transport", "processing"))


async def test_a_stranger_reads_duos_queues(stack: RunningStack, las: Las) -> None:
    """A plain consumer finds valid CloudEvents in each queue, keyed by school and in order; DUO's answer is shown."""
    for service in ("BRON_PO", "VERZUIM", "RIO"):
        made = await _grant(stack, las, BRIN, service)
        change = {"endDate": NEAR}
        await stack.call("PATCH", f"/mandates/{made['id']}", change, token=las.schools, etag='"1"')

    async def answered() -> bool:
        cells = [await _cell(stack, BRIN, "18DS03", service) for service in ("BRON_PO", "VERZUIM", "RIO")]
        return all(cell["status"] in ("processed", "processed_with_signal", "rejected") for cell in cells)

    await until(answered, "DUO's answers shown")
    for queue in DUO_QUEUES:
        records = await stack.read_topic(queue)
        for record in records:
            message = kafka.KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value)
            event = kafka.from_kafka_event(message)
            data = event.get_data()
            assert isinstance(data, dict)
            assert record.key.decode() == event.get_extension("partitionkey") == data["brin"]
        events = events_in(records)
        kinds = [event["type"].split(".")[3] for event in events if event["partitionkey"] == BRIN]
        assert kinds == ["granted", "amended"]
        assert not inversions(events)
        assert not gaps(events)


async def test_services_are_added_while_traffic_runs(stack: RunningStack, las: Las) -> None:
    """The first mandate of each arrives, and the answer comes back; every process is still the one that it was."""
    await live_services.register_system(stack, "RIO")
    before = stack.connection["processes"]
    async with live_services.traffic(stack, las.schools) as versions:
        await live_services.until_changed(versions)
        made = await stack.call("POST", "/services", {"serviceCode": "ROD_VO", "shownAs": "ROD vo", "kind": "duo"})
        assert (made["topic"], made["destination"], made["warnings"]) == ("duo.rod-vo.v1", "duo:rod-vo", [])
        words = ("--shown-as", "Deelname", "--kind", "las", "--reason", "proef")
        assert "webhooks" in await stack.done("osr-hub", "services", "add", "DEELNAME", *words)
        await live_services.register_system(stack, *live_services.OFFERED)
        mandate = await live_services.grant(stack, "ROD_VO", las.schools)
        cell = await live_services.cell_with(stack, "ROD_VO", "processed", "processed_with_signal", "rejected")
        assert (cell["destination"], cell["hops"]["processingSeconds"] >= 0) == ("duo:rod-vo", True)
        (event,) = events_in(await stack.read_topic("duo.rod-vo.v1"))
        assert (event["id"], event["data"]["mandateId"]) == (cell["deliveryId"], mandate["id"])
        answered = await live_services.answer_as_system(stack, "DEELNAME", las.schools)
        assert answered["destination"] == f"las:{live_services.SUPPLIER}"
        await live_services.until_changed(versions)
    assert stack.connection["processes"] == before


async def test_everybody_knows_an_added_service(stack: RunningStack) -> None:
    """Lag, metrics, a replay, the check of topics and the doctor have it too."""
    lag = {each["destination"]: each for each in (await stack.call("GET", "/lag"))["destinations"]}
    assert (lag["duo:rod-vo"]["services"], lag["duo:rod-vo"]["state"]) == (["ROD_VO"], "open")
    assert "DEELNAME" in lag[f"las:{live_services.SUPPLIER}"]["services"]
    assert 'destination="duo:rod-vo"' in await live_services.metrics(stack)
    replay = {"destination": "duo:rod-vo", "dryRun": True, "ratePerSecond": 50, "reason": "proef"}
    assert (await stack.call("POST", "/replays", replay))["matched"] == 1
    assert "all topics are as they should be" in await stack.done("osr-hub", "topics")
    assert "duo:rod-vo" in (await stack.run("osr-hub", "doctor")).out


async def test_the_books_are_right(stack: RunningStack) -> None:
    """After all of it nothing is missing, doubled or stranded."""
    books = await stack.verify()
    assert books["violations"] == []
    assert books["ok"]
