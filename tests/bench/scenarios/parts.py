"""What each hand-over takes by itself, with nothing of the hub in it: the floor of every latency on this machine."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.bench.figures import Figure, latencies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.bench.world import World

    Part = Callable[[], Awaitable[object]]

TOPIC: Final = "bench.parts"
CHANNEL: Final = "bench_parts"
TIMES: Final = 100
PAUSE_SECONDS: Final = 0.02
"""So that every part is idle before each time, as it is in a quiet hub."""
MOST_SECONDS: Final = 10.0


async def parts(world: World) -> list[Figure]:
    """A round trip to the database, a commit, a notification, a record through the broker, and a post."""
    body = await world.sample()
    figures = await _measure("a round trip to the database", lambda: world.c.fetchval("select 1"))
    await world.c.execute("create table if not exists bench_parts (body text)")
    write = "insert into bench_parts values ($1)"
    figures += await _measure("a commit", lambda: world.c.execute(write, body.decode()))
    await world.c.execute("drop table bench_parts")
    async with _notified(world) as notify:
        figures += await _measure("a notification", notify)
    async with _log(world, body) as pass_on:
        figures += await _measure("a record from send to receipt", pass_on)
    figures += await _measure("a post", lambda: _post(world, body))
    await world.arrivals()
    return figures


async def _measure(what: str, part: Part) -> list[Figure]:
    await part()
    took: list[float] = []
    for _ in range(TIMES):
        await asyncio.sleep(PAUSE_SECONDS)
        began = time.perf_counter()
        await part()
        took.append(time.perf_counter() - began)
    return latencies(what, took, (0.5, 0.95))


@asynccontextmanager
async def _notified(world: World) -> AsyncIterator[Part]:
    listener = await asyncpg.connect(world.stack.connection["databaseDsn"])
    heard = asyncio.Event()

    def on_notification(*_: object) -> None:
        heard.set()

    await listener.add_listener(CHANNEL, on_notification)

    async def notify() -> None:
        heard.clear()
        await world.c.execute(f"notify {CHANNEL}")
        async with asyncio.timeout(MOST_SECONDS):
            await heard.wait()

    try:
        yield notify
    finally:
        await listener.close()


@asynccontextmanager
async def _log(world: World, body: bytes) -> AsyncIterator[Part]:
    options: dict[str, Any] = {
        "bootstrap_servers": world.stack.connection["kafkaBootstrapServers"],
        **world.stack.kafka_security,
    }
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    await admin.create_topics([NewTopic(name=TOPIC, num_partitions=1, replication_factor=1)])
    await admin.close()
    producer = AIOKafkaProducer(**options, acks="all", enable_idempotence=True, linger_ms=0)
    consumer = AIOKafkaConsumer(**options)
    await producer.start()
    await consumer.start()
    consumer.assign([TopicPartition(TOPIC, 0)])
    await consumer.seek_to_end()

    async def pass_on() -> None:
        await producer.send(TOPIC, body, partition=0)
        async with asyncio.timeout(MOST_SECONDS):
            await consumer.getone()

    try:
        yield pass_on
    finally:
        await consumer.stop()
        await producer.stop()


async def _post(world: World, body: bytes) -> None:
    await world.stack.client.post(f"{world.sink}/ok/parts").body_bytes(body).build().send()
