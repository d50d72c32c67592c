"""Hostile records on the topic of reports are parked with their bytes, and the partition goes on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from hub.settle.records import UnusableRecord, read_report
from schemas.kinds import ReportStatus
from tests.flow.test_queues import reader
from tests.support.lanes.forwarding import until
from tests.support.lanes.ledger_states import plan_all, take
from tests.support.receivers.hostile_records import RECORDS, REPORT, STRUCTURED, hostile_report
from tests.support.receivers.recording_receivers import read_whole
from tests.support.register.subscriptions import assert_books_right, grant, make_register

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.store.pool import Connection, Pool

TOPIC = "duo.reports.v1"
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.mark.parametrize("name", RECORDS)
def test_nothing_hostile_is_taken_for_a_report(name: str) -> None:
    """Each hostile record gets a reason and a printable detail, without an exception."""
    value, headers = RECORDS[name]
    why = read_report(value, headers, NOW)
    assert isinstance(why, UnusableRecord)
    assert why.detail
    assert why.detail.encode()


def test_the_report_that_they_are_made_of_is_one() -> None:
    """The report that the hostile records are derived from is valid."""
    read = read_report(orjson.dumps(REPORT), STRUCTURED, NOW)
    assert not isinstance(read, UnusableRecord)
    assert read.status is ReportStatus.PROCESSED


async def test_hostile_records_are_put_aside_and_stop_nobody(
    connection: Connection, pool: Pool, kafka: str, topics: Mapping[str, str]
) -> None:
    """All hostile records are parked, the good report behind them is applied, and offsets advance."""
    await make_register(connection)
    await grant(connection, service="RIO")
    await plan_all(connection)
    await take(connection, "duo:rio")
    delivery = await connection.fetchval("select id from deliveries")
    async with AIOKafkaProducer(bootstrap_servers=kafka, max_request_size=2_000_000) as producer:
        for value, headers in RECORDS.values():
            await producer.send(topics[TOPIC], value, key=b"\x00", headers=headers, partition=3)
        good = hostile_report(deliveryId=str(delivery), reportedAt=datetime.now(UTC).isoformat())
        await producer.send_and_wait(topics[TOPIC], good, headers=STRUCTURED, partition=3)
    async with reader(pool, kafka, topics):
        await until(lambda: _count(connection, "deliveries where status = 'processed'", 1))
        await until(lambda: _count(connection, "parked_records", len(RECORDS)))
    kept = await connection.fetch('select "offset", bytes, blame, reason, detail from parked_records order by "offset"')
    assert [row["bytes"] for row in kept] == [value for value, _ in RECORDS.values()]
    assert {row["blame"] for row in kept} == {"sender"}, [row["detail"] for row in kept if row["blame"] == "hub"]
    assert {row["reason"] for row in kept} == {"unparsable", "schema", "future"}
    assert await _committed(kafka, topics[TOPIC]) == len(RECORDS) + 1
    await assert_books_right(connection)


async def test_nobody_tells_the_hub_where_to_write(
    connection: Connection, pool: Pool, kafka: str, topics: Mapping[str, str]
) -> None:
    """A record with a reply topic is parked and answered nowhere."""
    headers = [("reply_to", topics["duo.rio.v1"].encode()), ("correlation_id", b"x")]
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await producer.send_and_wait(topics[TOPIC], b"x", headers=headers, partition=3)
    async with reader(pool, kafka, topics):
        await until(lambda: _count(connection, "parked_records", 1))
    assert await read_whole(kafka, topics["duo.rio.v1"]) == []


async def test_a_parked_report_with_characters_nobody_stores_keeps_no_other_waiting(
    connection: Connection, pool: Pool, kafka: str, topics: Mapping[str, str]
) -> None:
    """A parked report with characters that cannot be stored does not delay another one."""
    await make_register(connection)
    mandate = await grant(connection, service="RIO")
    strange = hostile_report(deliveryId=None, mandateId=str(uuid4()), mandateVersion=7, note="\x00")
    good = hostile_report(
        deliveryId=None, mandateId=str(mandate.id), mandateVersion=1, reportedAt=datetime.now(UTC).isoformat()
    )
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer, reader(pool, kafka, topics):
        for value in (strange, good):
            await producer.send_and_wait(topics[TOPIC], value, headers=STRUCTURED, partition=0)
        await until(lambda: _count(connection, "parked_records where reason = 'unknown_delivery'", 2))
        await plan_all(connection)
        await until(lambda: _count(connection, "deliveries where status = 'processed'", 1))
    assert await _count(connection, "parked_records where state = 'open'", 1)


async def _count(c: Connection, what: str, wanted: int) -> bool:
    return bool(await c.fetchval(f"select count(*) from {what}") == wanted)  # noqa: S608 - words of this file


async def _committed(kafka: str, topic: str) -> int | None:
    place = TopicPartition(topic, 3)
    async with AIOKafkaConsumer(bootstrap_servers=kafka, group_id="osr-hub.reports") as consumer:
        consumer.assign([place])
        async with asyncio.timeout(90):
            offset: int | None = await consumer.committed(place)
            return offset
