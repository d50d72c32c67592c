"""A consumer joins while another has a batch in progress."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import asyncpg
import orjson
import pytest
from aiokafka import AIOKafkaProducer

from consumers.planning import planner
from consumers.reporting import reader
from hub.kafka.broker import make_broker
from hub.processes.heartbeat import Heartbeat
from schemas.topics import PARTITIONS
from tests.support.lanes.forwarding import deliver_all, until
from tests.support.lanes.many_systems import make_crowd, tell
from tests.support.register.subscriptions import assert_books_right

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from faststream.kafka import KafkaBroker

    from hub.store.pool import Connection, Pool
    from schemas.identifiers import Oin

SCHOOLS = 48


@pytest.fixture
async def producer(kafka: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer that is not the hub's."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    yield producer
    await producer.stop()


@asynccontextmanager
async def consuming(pool: Pool, kafka: str, name: str, topic: str) -> AsyncIterator[KafkaBroker]:
    """Run a reader of reports, or a planner that hears bells and does not look by itself."""
    broker = make_broker({"bootstrap_servers": kafka})
    async with Heartbeat(pool, name) as heartbeat:
        if name == "plan":
            planner.subscribe(broker, planner.Planner(pool, heartbeat), None, topic)
        else:
            reader.subscribe(broker, reader.ReportReader(pool, heartbeat), None, topic)
        await broker.start()
        yield broker
        await broker.stop()


def partitions_of(broker: KafkaBroker) -> int:
    """Say how many partitions a consumer has."""
    consumer: Any = broker.subscribers[0].consumer  # type: ignore[attr-defined]
    return len(consumer.assignment())


async def has_some(*brokers: KafkaBroker) -> bool:
    """Say whether all partitions are given out, and each of these has some."""
    shares = [partitions_of(broker) for broker in brokers]
    return all(shares) and sum(shares) == PARTITIONS


@asynccontextmanager
async def locked(database: str, table: str) -> AsyncIterator[None]:
    """Keep everybody from writing to a table."""
    c = await asyncpg.connect(database)
    async with c.transaction():
        await c.execute(f"lock table {table} in share row exclusive mode")
        yield
    await c.close()


async def is_blocked(c: Connection) -> bool:
    """Say whether a statement of somebody's waits for a lock."""
    return bool(await c.fetchval("select exists (select from pg_locks where not granted)"))


def report(delivery: object) -> bytes:
    """Write a report."""
    data = {"status": "processed", "reportedAt": datetime.now(UTC).isoformat(), "deliveryId": str(delivery)}
    return orjson.dumps(
        {"specversion": "1.0", "id": str(uuid4()), "source": "urn:x", "type": "nl.osr.report.v1", "data": data}
    )


@pytest.fixture
async def oin(connection: Connection) -> Oin:
    """A system whose schools have mandates for RIO, about which nothing was told."""
    (oin,) = await make_crowd(connection, 1, SCHOOLS)
    await connection.execute("update mandates set service_code = 'RIO'")
    return oin


async def test_reports_are_taken_in_once(  # noqa: PLR0913, PLR0917 - the parts of a broker
    connection: Connection,
    pool: Pool,
    database: str,
    oin: Oin,
    kafka: str,
    topics: Mapping[str, str],
    producer: AIOKafkaProducer,
) -> None:
    """Reports of moved partitions are applied once, though both consumers read them."""
    await tell(connection, [oin], 1)
    await deliver_all(connection)
    topic = topics["duo.reports.v1"]
    async with consuming(pool, kafka, "reports", topic) as first:
        await until(lambda: has_some(first), within=60)
        async with locked(database, "tallies"):
            for n, row in enumerate(await connection.fetch("select id from deliveries order by brin")):
                await producer.send_and_wait(topic, report(row["id"]), partition=n % PARTITIONS)
            await until(lambda: is_blocked(connection), within=60)
            second = await _join(consuming(pool, kafka, "reports", topic))
            await until(lambda: has_some(first, second.broker), within=60)

        async def is_done() -> bool:
            done = "select bool_and(status = 'processed') from deliveries"
            return bool(await connection.fetchval(done))

        await until(is_done, within=60)
        await second.leave()
    assert await connection.fetchval("select count(*) from parked_records") == 0
    assert await connection.fetchval("select bool_and(head = tail) from lanes")
    await assert_books_right(connection)


async def test_bells_are_heard_and_nothing_is_planned_twice(  # noqa: PLR0913, PLR0917 - the parts of a broker
    connection: Connection,
    pool: Pool,
    database: str,
    oin: Oin,
    kafka: str,
    topics: Mapping[str, str],
    producer: AIOKafkaProducer,
) -> None:
    """Records of moved partitions are planned once."""
    topic = topics["osr.mandates.v1"]
    brins = [row["brin"] for row in await connection.fetch("select brin from mandates where supplier_oin = $1", oin)]
    await tell_nobody(connection)
    async with consuming(pool, kafka, "plan", topic) as first:
        await until(lambda: has_some(first), within=60)
        async with locked(database, "deliveries"):
            for n, brin in enumerate(brins):
                await producer.send_and_wait(topic, b"", key=brin.encode(), partition=n % PARTITIONS)
            await until(lambda: is_blocked(connection), within=60)
            second = await _join(consuming(pool, kafka, "plan", topic))
            await until(lambda: has_some(first, second.broker), within=60)

        async def is_planned() -> bool:
            return bool(await connection.fetchval("select count(*) = $1 from deliveries", SCHOOLS))

        await until(is_planned, within=60)
        await second.leave()
    assert await connection.fetchval("select count(distinct brin) from deliveries") == SCHOOLS
    await assert_books_right(connection)


async def tell_nobody(c: Connection) -> None:
    """Record an event for each school, and plan none."""
    await c.execute(
        """with new as (
             insert into events (brin, number, recorded_at, id, mandate_id, mandate_version, type, units, body)
             select m.brin, 1, now(), gen_random_uuid(), m.id, 1, 'granted',
                    jsonb_build_array(jsonb_build_object('branch', '', 'type', 'granted', 'routing', null,
                                                         'covers', array[m.brin || '00'])), '{}'
               from mandates m returning brin)
           update schools set counter = 1 where brin in (select brin from new)"""
    )


class _Joined:
    """A second consumer, which leaves when it is told to."""

    def __init__(self, broker: KafkaBroker, stop: asyncio.Event, task: asyncio.Task[None]) -> None:
        self.broker = broker
        self._stop = stop
        self._task = task

    async def leave(self) -> None:
        """Go in order."""
        self._stop.set()
        await self._task


async def _join(consumer: Any) -> _Joined:
    stop = asyncio.Event()
    came: asyncio.Future[KafkaBroker] = asyncio.get_running_loop().create_future()

    async def stay() -> None:
        async with consumer as broker:
            came.set_result(broker)
            await stop.wait()

    task = asyncio.create_task(stay())
    return _Joined(await came, stop, task)
