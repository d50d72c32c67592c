"""Planning, DUO's queues and its reports, on real Kafka and PostgreSQL."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from faststream.kafka.subscriber import usecase

from consumers.planning import planner as plan
from consumers.reporting import reader as reports
from hub.kafka.broker import make_broker
from hub.processes.heartbeat import Heartbeat
from schemas.cloudevents import KAFKA_HEADERS
from tests.support.lanes.forwarding import forwarder, settings_for, until
from tests.support.receivers.recording_receivers import events_in, read_whole
from tests.support.register.schools import BuiltSchool, add_schools
from tests.support.register.subscriptions import LAS, OTHER, assert_books_right, grant, make_register, plan_all

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from hub.store.pool import Connection, Pool

QUEUE, BELLS, REPORTS = "duo.rio.v1", "osr.mandates.v1", "duo.reports.v1"


@pytest.fixture
async def school(connection: Connection) -> Connection:
    """A school whose mandate for RIO has a routed branch and a rest; nothing is planned."""
    await make_register(connection)
    await grant(connection, service="RIO", routed=["18DS01"])
    return connection


@pytest.fixture
async def producer(kafka: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer that is not the hub's."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    yield producer
    await producer.stop()


@asynccontextmanager
async def planner(pool: Pool, kafka: str, topics: Mapping[str, str]) -> AsyncIterator[plan.Planner]:
    """Run a planner that hears this test's own bells."""
    broker = make_broker({"bootstrap_servers": kafka})
    async with Heartbeat(pool, "plan") as heartbeat:
        it = plan.Planner(pool, heartbeat)
        plan.subscribe(broker, it, None, topics[BELLS])
        await broker.start()
        sweep = asyncio.create_task(it.sweep())
        yield it
        sweep.cancel()
        await broker.stop()


@asynccontextmanager
async def reader(pool: Pool, kafka: str, topics: Mapping[str, str]) -> AsyncIterator[None]:
    """Run a reader of this test's own reports."""
    broker = make_broker({"bootstrap_servers": kafka})
    async with Heartbeat(pool, "reports") as heartbeat:
        it = reports.ReportReader(pool, heartbeat)
        reports.subscribe(broker, it, None, topics[REPORTS])
        await broker.start()
        chore = asyncio.create_task(it.work())
        yield
        chore.cancel()
        await broker.stop()


async def planned(c: Connection) -> int:
    """Count deliveries."""
    return int(await c.fetchval("select count(*) from deliveries"))


async def test_a_bell_plans_and_strange_bells_stop_nobody(
    school: Connection, pool: Pool, kafka: str, topics: Mapping[str, str], producer: AIOKafkaProducer
) -> None:
    """Only the key of a record counts; missing, malformed and unknown keys are parked."""
    async with planner(pool, kafka, topics):
        for key in (b"not a brin", None, b"99ZZ", b"\xff\xfe"):
            await producer.send_and_wait(topics[BELLS], b"{broken", key=key, partition=0)
        await producer.send_and_wait(topics[BELLS], b"", key=b"18DS", partition=0)
        await until(lambda: _is(planned(school), 2))
        await producer.send_and_wait(topics[BELLS], b"again", key=b"18DS", partition=0)
        await grant(school, brin="00AA", service="RIO")  # type: ignore[arg-type]
        await producer.send_and_wait(topics[BELLS], b"", key=b"00AA", partition=0)
        await until(lambda: _is(planned(school), 3))
    rows = await school.fetch("select brin, sequence, branch, type::text from deliveries order by brin, sequence")
    assert [tuple(r) for r in rows] == [
        ("00AA", 1, "", "granted"),
        ("18DS", 1, "18DS01", "granted"),
        ("18DS", 2, "", "granted"),
    ]
    parked = await school.fetch('select "offset", key, reason, blame, bytes from parked_records order by "offset"')
    assert [tuple(row) for row in parked] == [
        (0, b"not a brin", "unparsable", "sender", b"{broken"),
        (1, None, "unparsable", "sender", b"{broken"),
        (2, b"99ZZ", "unknown_school", "sender", b"{broken"),
        (3, b"\xff\xfe", "unparsable", "sender", b"{broken"),
    ]


async def test_a_bell_of_a_school_that_comes_later_is_no_concern_any_more(
    school: Connection, pool: Pool, kafka: str, topics: Mapping[str, str], producer: AIOKafkaProducer
) -> None:
    """A parked record of a school that is imported later counts as retried, and its events are planned."""
    async with planner(pool, kafka, topics):
        await producer.send_and_wait(topics[BELLS], b"{}", key=b"01AB", partition=0)
        await until(lambda: _is(_parked(school), 1))
        await add_schools(school, BuiltSchool(brin="01AB"))
        await grant(school, brin="01AB", service="RIO")  # type: ignore[arg-type]
        await until(lambda: _is(school.fetchval("select count(*) from deliveries where brin = '01AB'"), 1))
        await until(lambda: _is(school.fetchval("select count(*) from parked_records where state = 'retried'"), 1))


async def test_a_bell_that_never_rang_is_made_up_for(
    school: Connection, pool: Pool, kafka: str, topics: Mapping[str, str]
) -> None:
    """The sweep plans schools that no record announced."""
    async with planner(pool, kafka, topics):
        await until(lambda: _is(planned(school), 2))


async def test_nobody_sleeps_while_it_is_quiet(
    school: Connection, pool: Pool, kafka: str, topics: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quiet topic does not delay the next record."""
    naps: list[float] = []

    async def nap(seconds: float) -> None:
        naps.append(seconds)
        await asyncio.sleep(seconds)

    monkeypatch.setattr(usecase, "anyio", SimpleNamespace(sleep=nap))
    async with planner(pool, kafka, topics):
        await until(lambda: _is(planned(school), 2))  # by the sweep, after two of its seconds without a bell
    assert naps == []


async def test_a_school_that_cannot_be_planned_keeps_no_other(
    school: Connection, pool: Pool, kafka: str, topics: Mapping[str, str], producer: AIOKafkaProducer
) -> None:
    """A school that cannot be planned does not stop others."""
    await grant(school, brin="00AA", service="VVA", supplier=OTHER)  # type: ignore[arg-type]
    await school.execute(
        "update destinations set supplier_oin = $1, system_code = $1 where supplier_oin = $2", LAS, OTHER
    )
    async with planner(pool, kafka, topics):
        for brin in (b"00AA", b"18DS"):
            await producer.send_and_wait(topics[BELLS], b"", key=brin, partition=0)
        await until(lambda: _is(planned(school), 2))
        await school.execute(
            "update destinations set supplier_oin = right(name, 20), system_code = right(name, 20) where kind <> 'duo'"
        )
        await until(lambda: _is(planned(school), 3))


async def test_duo_reads_events_in_order_and_its_reports_come_back(
    school: Connection, pool: Pool, kafka: str, topics: Mapping[str, str], producer: AIOKafkaProducer, database: str
) -> None:
    """DUO reads in order and its reports are applied; unusable ones are parked, early ones applied later."""
    await school.execute("update destinations set topic = $1 where topic = $2", topics[QUEUE], QUEUE)
    await plan_all(school)
    settings = settings_for(database, {"OSR_HUB_KAFKA__BOOTSTRAP_SERVERS": kafka})
    async with forwarder(settings):
        await until(lambda: _is(_count(school, "delivered"), 2))
    told = events_in(await read_whole(kafka, topics[QUEUE]))
    assert [(e["sequence"][-1], e.get("branch"), e["type"]) for e in told] == [
        ("1", "18DS01", "nl.osr.mandate.granted.v1"),
        ("2", None, "nl.osr.mandate.granted.v1"),
    ]
    assert told[1]["previoussequence"] == told[0]["sequence"]
    assert told[0]["data"]["branches"] == [{"branch": "18DS01", "routingId": "0000000700018DS00001"}]
    assert [b["branch"] for b in told[1]["data"]["branches"]] == ["18DS00", "18DS02"]
    async with reader(pool, kafka, topics):
        for value in (
            b"",
            b"{broken",
            b'{"specversion":"1.0"}',
            _report({"deliveryId": "no"}),
            _report({}, ahead=True),
        ):
            await producer.send_and_wait(
                topics[REPORTS], value or None, key=b"18DS", headers=list(KAFKA_HEADERS), partition=1
            )
        for event in told:
            await producer.send_and_wait(topics[REPORTS], _report({"deliveryId": event["id"]}), partition=1)
        mandate = {"mandateId": told[0]["data"]["mandateId"], "mandateVersion": 2}
        await producer.send_and_wait(topics[REPORTS], _report({"deliveryId": str(uuid4())}), partition=1)
        await producer.send_and_wait(topics[REPORTS], _report(mandate), partition=1)
        await until(lambda: _is(_count(school, "processed"), 2))
        await until(lambda: _is(_parked(school), 7))
        await _amend(school)
        await plan_all(school)
        await until(lambda: _is(_count(school, "processed"), 3))
    rows = await school.fetch("select reason, state from parked_records order by id")
    assert [tuple(row) for row in rows] == [
        ("unparsable", "open"),
        ("unparsable", "open"),
        ("unparsable", "open"),
        ("schema", "open"),
        ("future", "open"),
        ("unknown_delivery", "open"),
        ("unknown_delivery", "retried"),
    ]
    await assert_books_right(school)


async def _is(count: Any, wanted: int) -> bool:
    return bool(await count == wanted)


async def _count(c: Connection, status: str) -> int:
    return int(await c.fetchval("select count(*) from deliveries where status = $1::text::delivery_status", status))


async def _parked(c: Connection) -> int:
    return int(await c.fetchval("select count(*) from parked_records"))


async def _amend(c: Connection) -> None:
    await c.execute(
        """insert into events select brin, number + 1, recorded_at, gen_random_uuid(), mandate_id, 2, 'amended',
                  jsonb_build_array(jsonb_set(units -> 0, '{type}', '"amended"')), body, traceparent
             from events order by number desc limit 1"""
    )
    await c.execute("update schools set counter = counter + 1 where brin = '18DS'")


def _report(names: Mapping[str, Any], *, ahead: bool = False) -> bytes:
    at = "2099-01-01T00:00:00Z" if ahead else datetime.now(UTC).isoformat()
    data = {"status": "processed", "reportedAt": at, **(names or {"deliveryId": str(uuid4())})}
    return orjson.dumps(
        {"specversion": "1.0", "id": str(uuid4()), "source": "urn:nld:oin:00000001800866472000:systeem:rio",
         "type": "nl.osr.report.v1", "data": data}
    )  # fmt: skip
