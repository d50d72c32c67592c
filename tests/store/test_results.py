"""Processing results: a system that asked gets what DUO did with its messages, once and in order."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
import pytest

from hub import settle
from hub.domain.bulk import BulkKind
from hub.envelopes import envelope_defaults, forwarded_message
from hub.observe.books import check_ledger
from hub.operations import bulk
from hub.operations.bulk import BulkJobRequest
from hub.settle import IncomingReport
from hub.store import deliveries, subscriptions
from hub.store.bulk import BulkSelection
from hub.subscribe import AgreedRequest, change
from schemas.envelope import DeliveryEvent
from schemas.identifiers import Oin
from schemas.kinds import ReportStatus
from tests.support.lanes.forwarding import deliver_all, forwarder, settings_for, until
from tests.support.receivers.receiver import receiver
from tests.support.register.subscriptions import (
    BRINS,
    LAS,
    OTHER,
    assert_books_right,
    grant,
    lane,
    make_register,
    plan_all,
    removed,
    subscribed,
    subscription_request,
)

if TYPE_CHECKING:
    from hub.store.pool import Connection

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
COPIES = f"las-copy:{LAS}"
SECRET_WORDS = '[{"kind":"Foutmelding","code":"F9","text":"leerling Jansen"}]'


@pytest.fixture
async def told(connection: Connection) -> Connection:
    """A school with RIO mandates of two systems, one unit each, delivered to DUO; no subscription asks for results."""
    await make_register(connection)
    await grant(connection, BRINS[0], "RIO")
    await grant(connection, BRINS[1], "RIO", routed=("18DS01",))
    await plan_all(connection)
    await deliver_all(connection)
    return connection


async def asks(c: Connection, **differs: Any) -> Any:
    """Subscribe with results and without copies of events."""
    wanted: dict[str, Any] = {
        "services": ("VVA", "RIO"),
        "types": ("nl.osr.mandate.withdrawn.v1",),
        "processing_results": True,
    }
    return (await subscribed(c, **(wanted | differs)))[0]


async def queued(c: Connection, brin: str = BRINS[1]) -> list[UUID]:
    """Return what DUO's queue got about a school, in order."""
    rows = await c.fetch(
        """select d.id from deliveries d join destinations p on p.id = d.destination
            where p.kind = 'duo' and d.brin = $1 order by d.sequence""",
        brin,
    )
    return [row["id"] for row in rows]


async def report(c: Connection, *said: tuple[UUID, str, int], now: datetime = NOON, signals: str = "[]") -> list[bool]:
    """Apply reports of (delivery, status, minutes after noon) in one transaction; return those that gave a result."""
    reports = [
        IncomingReport(
            delivery_id=delivery,
            status=ReportStatus(status),
            signals=signals,
            reported_at=NOON + timedelta(minutes=minutes),
        )
        for delivery, status, minutes in said
    ]
    async with c.transaction():
        answers = await settle.apply_reports(c, reports, now, 0)
    return [result.notifies_system for answer in answers if isinstance(answer, list) for result in answer]


async def messages(c: Connection, brin: str = BRINS[1]) -> list[dict[str, Any]]:
    """Return the messages in the lane for copies, as sent."""
    ids = [
        row["id"]
        for row in await c.fetch(
            """select d.id from deliveries d join destinations p on p.id = d.destination
                where p.name = $1 and d.brin = $2 order by d.sequence""",
            COPIES,
            brin,
        )
    ]
    head = envelope_defaults(Oin("00000099000000009000"), "https://hub.example")
    return [
        orjson.loads(forwarded_message(row, before, head)) for row, before in await deliveries.read_messages(c, ids)
    ]


async def test_an_answer_is_told_with_the_change_and_without_its_words(told: Connection) -> None:
    """A result names the delivery and its status change, without any text of the report."""
    await asks(told)
    rest = (await queued(told))[1]
    assert await report(told, (rest, "rejected", 1), signals=SECRET_WORDS) == [True]
    (message,) = await messages(told)
    DeliveryEvent.model_validate(message)
    event = await told.fetchval("select id from events where brin = '18DS'")
    mandate = await told.fetchval("select mandate_id from events where brin = '18DS'")
    branch = await told.fetchval("select branch from deliveries where id = $1", rest)
    assert message["data"] == {
        "deliveryId": str(rest), "eventId": str(event), "destination": "duo:rio", "brin": "18DS",
        "branch": branch or None, "mandateId": str(mandate), "mandateVersion": 1, "previousStatus": "delivered",
        "status": "rejected", "at": "2026-11-23T12:00:00.000Z", "reason": None,
    }  # fmt: skip
    assert message["type"] == "nl.osr.delivery.changed.v1"
    assert message["dataschema"] == "https://hub.example/v1/schemas/delivery-change.v1.json"
    assert (message["sequence"], message.get("previoussequence")) == ("0" * 19 + "1", None)
    assert (message["correlationid"], message["causationid"]) == (str(mandate), str(rest))
    assert b"Jansen" not in orjson.dumps(message)


async def test_what_is_told_comes_in_the_order_it_happened(told: Connection) -> None:
    """Results follow the order of reports; `in_progress` and repeats give none."""
    await asks(told)
    routed, rest = await queued(told)
    first = await report(told, (rest, "in_progress", 1), (rest, "processed", 2), (rest, "processed", 2))
    later = await report(told, (routed, "rejected", 3), (routed, "processed_with_signal", 4), (rest, "in_progress", 5))
    assert (first, later) == ([False, True, False], [True, True, True])
    assert await report(told, (routed, "rejected", 1), (rest, "in_progress", 6)) == [False, False]
    moves = [(m["data"]["deliveryId"], m["data"]["previousStatus"], m["data"]["status"]) for m in await messages(told)]
    assert moves == [
        (str(rest), "in_progress", "processed"),
        (str(routed), "delivered", "rejected"),
        (str(routed), "rejected", "processed_with_signal"),
        (str(rest), "processed", "in_progress"),
    ]
    numbers = [int(m["sequence"]) for m in await messages(told)]
    assert numbers == [1, 2, 3, 4]
    units = [(m.get("branch"), m.get("routingid")) for m in await messages(told)]
    assert units == [(None, None), *[("18DS01", "0000000700018DS00001")] * 2, (None, None)]
    await assert_books_right(told)


async def test_doing_it_again_names_it_the_same(told: Connection) -> None:
    """A result has the same id when its transaction is repeated."""
    await asks(told)
    rest = (await queued(told))[1]
    lost = told.transaction()
    await lost.start()
    await report(told, (rest, "processed", 2))
    before = [m["id"] for m in await messages(told)]
    await lost.rollback()
    assert await messages(told) == []
    await report(told, (rest, "processed", 2), now=NOON + timedelta(hours=5))
    assert [m["id"] for m in await messages(told)] == before
    assert len(before) == 1


async def test_only_who_asked_is_told(told: Connection) -> None:
    """Results go only to the mandated system, if it asked and named the service."""
    quiet = await asks(told, processing_results=False)
    await subscribed(told, OTHER, services=("RIO",), processing_results=True)
    rest = (await queued(told))[1]
    assert await report(told, (rest, "processed", 1)) == [False]
    await removed(told, quiet.id)
    narrow = await asks(told, services=("BRON_PO",))
    assert await report(told, (rest, "rejected", 2)) == [False]
    async with told.transaction():
        await change(
            told,
            narrow,
            AgreedRequest(options=subscription_request(services=("VVA",), processing_results=True), allowed_rate=None),
            NOON,
        )
    assert await report(told, (rest, "processed", 3)) == [True]
    assert [m["data"]["previousStatus"] for m in await messages(told)] == ["rejected"]
    assert await lane(told, f"las-copy:{OTHER}") == []


async def test_a_report_by_mandate_and_version_tells_of_each_unit(told: Connection) -> None:
    """A report by mandate and version gives a result per unit."""
    await asks(told)
    mandate = await told.fetchval("select id from mandates where brin = '18DS'")
    named = IncomingReport(mandate=(mandate, 1), status=ReportStatus.PROCESSED, reported_at=NOON)
    async with told.transaction():
        await settle.apply_reports(told, [named], NOON, 0)
    assert [UUID(m["data"]["deliveryId"]) for m in await messages(told)] == await queued(told)


async def test_deleting_the_subscription_cancels_what_waits(told: Connection) -> None:
    """Deleting the subscription cancels waiting results, and the ledger check holds."""
    subscription = await asks(told)
    await report(told, *((delivery, "processed", 1) for delivery in await queued(told)))
    assert [status for *_, status in await lane(told, COPIES)] == ["waiting", "waiting"]
    assert (await check_ledger(told, NOON)).violations == []
    await removed(told, subscription.id)
    assert [(kind, status) for *_, kind, status in await lane(told, COPIES)] == [("result", "cancelled")] * 2
    assert (await check_ledger(told, NOON)).violations == []


async def test_results_and_copies_of_events_share_a_lane(told: Connection) -> None:
    """Results and copies of events are numbered in one lane."""
    await asks(told, types=("nl.osr.mandate.*",))
    await grant(told, BRINS[1], "RIO", supplier=OTHER)
    async with told.transaction():
        await told.execute("update schools set counter = counter")
    await plan_all(told)
    routed, rest, *_ = await queued(told)
    await report(told, (routed, "processed", 1), (rest, "processed", 1))
    kinds = [kind for _, _, kind, _ in await lane(told, COPIES)]
    assert kinds[-2:] == ["result", "result"]
    found = await deliveries.newest_per_unit(
        told, (await subscriptions.destinations(told, LAS))["las-copy"].id, "RIO", LAS
    )
    assert all(unit.kind != "result" for unit in found)


async def test_a_result_is_posted_and_done_when_it_is_taken(told: Connection, database: str) -> None:
    """The forwarder posts a signed result, and it expects no report."""
    async with receiver() as las, forwarder(settings_for(database)):
        await asks(told, url=las.url)
        await report(told, *((delivery, "processed", 1) for delivery in await queued(told)))

        async def taken() -> bool:
            return [status for *_, status in await lane(told, COPIES)] == ["delivered", "delivered"]

        await until(taken)
        got = [orjson.loads(each.body) for each in las.got if each.method == "POST"]
        assert [(m["type"], m["data"]["status"]) for m in got] == [("nl.osr.delivery.changed.v1", "processed")] * 2
        assert [each.headers["webhook-id"] for each in las.got] == [m["id"] for m in got]
        assert [m["data"] for m in got] == [m["data"] for m in await messages(told)]


async def test_results_cost_a_few_statements_per_batch_and_none_per_result(told: Connection) -> None:
    """The number of statements does not depend on the number of results."""
    counted = Counter[str]()
    both = await queued(told)
    told.add_query_logger(lambda record: counted.update([record.query]))

    async def cost(*minutes: int) -> int:
        counted.clear()
        said = [(delivery, ("processed", "rejected")[n % 2], n) for n in minutes for delivery in both]
        await report(told, *said)
        return counted.total()

    await cost(1)
    nobody = await cost(2)
    await asks(told)
    first, two, six = await cost(3), await cost(4), await cost(5, 6, 7)
    print(
        f"\nstatements of a batch of reports: {nobody} for nobody, {two} for 2 results, {six} for 6, {first} at first"
    )
    assert two == six <= nobody + 4
    assert first == two + 1


async def test_a_replay_of_the_copies_passes_results_over(told: Connection) -> None:
    """A replay skips results; a cancellation does not."""
    await asks(told)
    await report(told, *((delivery, "processed", 1) for delivery in await queued(told)))
    chosen = BulkSelection(destination=COPIES)
    replay = await bulk.preview(told, BulkJobRequest(kind=BulkKind.REPLAY, chosen=chosen, rate=1), UUID(int=1))
    assert (replay.counted.matched, list(replay.counted.todo)) == (0, [])
    many = await bulk.preview(told, BulkJobRequest(kind=BulkKind.CANCELLATION, chosen=chosen, rate=1), UUID(int=1))
    assert many.counted.matched == 2
