"""Reports in compressed batches are read, and a batch that cannot be read stops no other."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record._crecords import default_records

from tests.flow.test_queues import reader
from tests.support.lanes.forwarding import until
from tests.support.lanes.ledger_states import plan_all, take
from tests.support.receivers.hostile_records import STRUCTURED, hostile_report
from tests.support.register.subscriptions import assert_books_right, grant, make_register

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.store.pool import Connection, Pool

TOPIC: Final = "duo.reports.v1"
CODECS: Final = ("gzip", "snappy", "lz4", "zstd")
MORE_THAN_A_BATCH_MAY_BECOME: Final = bytes(70_000_000)


@pytest.fixture
async def told(connection: Connection) -> bytes:
    """The report on a message that DUO took, while nothing has read it."""
    await make_register(connection)
    await grant(connection, service="RIO")
    await plan_all(connection)
    await take(connection, "duo:rio")
    delivery = await connection.fetchval("select id from deliveries")
    return hostile_report(deliveryId=str(delivery), reportedAt=datetime.now(UTC).isoformat())


async def send(kafka: str, topic: str, value: bytes, codec: str | None = None) -> None:
    """Write a record to one partition, as a producer that compresses does."""
    size = len(value) + 100_000
    async with AIOKafkaProducer(bootstrap_servers=kafka, compression_type=codec, max_request_size=size) as producer:
        await producer.send_and_wait(topic, value, headers=STRUCTURED, partition=3)


async def is_processed(c: Connection) -> bool:
    """Return whether the report was applied."""
    return bool(await c.fetchval("select bool_and(status = 'processed') from deliveries"))


@pytest.mark.parametrize("codec", CODECS)
async def test_compressed_reports_are_read(
    connection: Connection, pool: Pool, kafka: str, topics: Mapping[str, str], told: bytes, codec: str
) -> None:
    """A report in a batch of each codec of Kafka is applied."""
    await send(kafka, topics[TOPIC], told, codec)
    async with reader(pool, kafka, topics):
        await until(lambda: is_processed(connection))
    await assert_books_right(connection)


@pytest.mark.parametrize("codec", ["gzip", "lz4", "zstd"])
async def test_a_batch_that_cannot_be_read_is_parked_and_stops_nobody(
    connection: Connection,
    pool: Pool,
    kafka: str,
    topics: Mapping[str, str],
    told: bytes,
    codec: str,
) -> None:
    """A batch that would become larger than any may be is parked with its bytes, and the report behind it applied."""
    await send(kafka, topics[TOPIC], MORE_THAN_A_BATCH_MAY_BECOME, codec)
    await send(kafka, topics[TOPIC], told)
    async with reader(pool, kafka, topics):
        await until(lambda: is_processed(connection))
    parked = await connection.fetchrow('select "offset", reason, blame, detail, length(bytes) as n from parked_records')
    assert parked is not None
    assert (parked["offset"], parked["reason"], parked["blame"]) == (0, "unparsable", "sender")
    assert parked["detail"].startswith("the batch of offsets 0 to 0 cannot be read: ")
    assert 0 < parked["n"] < len(MORE_THAN_A_BATCH_MAY_BECOME)


async def test_a_codec_that_nobody_knows_stops_nobody(
    connection: Connection,
    pool: Pool,
    kafka: str,
    topics: Mapping[str, str],
    told: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three records in a batch whose decoder fails are parked as one, and the report behind them is applied."""

    def fail(_payload: bytes) -> bytes:
        raise NotImplementedError("no such codec")

    monkeypatch.setattr(default_records, "zstd_decode", fail)
    async with AIOKafkaProducer(bootstrap_servers=kafka, compression_type="zstd", linger_ms=50) as producer:
        for _ in range(3):
            await producer.send(topics[TOPIC], told, headers=STRUCTURED, partition=3)
    await send(kafka, topics[TOPIC], told)
    async with reader(pool, kafka, topics):
        await until(lambda: is_processed(connection))
    rows = await connection.fetch('select "offset", detail from parked_records')
    assert [tuple(row) for row in rows] == [
        (2, "the batch of offsets 0 to 2 cannot be read: NotImplementedError no such codec")
    ]
