"""A member that returns to its group under its own name reads all there is, not what it had before alone."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from hub.kafka.broker import Batch, Reading, batch_subscriber, make_broker
from hub.kafka.consumer import read_forever
from schemas.topics import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from faststream.kafka import KafkaMessage

    from hub.kafka.consumer import WaitingBroker

TOPIC = "osr.mandates.v1"


@asynccontextmanager
async def reading(kafka: str, topic: str) -> AsyncIterator[asyncio.Queue[bytes | None]]:
    """Read a topic as the only member of a group, which knows its name; give what is read."""
    heard: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def as_they_are(message: KafkaMessage) -> Any:
        return message.raw_message

    async def take(batch: Batch) -> None:
        for record in batch.records:
            heard.put_nowait(record.value)

    def make() -> WaitingBroker:
        broker = make_broker(options)
        batch_subscriber(broker, topic, Reading(group=topic, instance="one", most_records=10), as_they_are)(take)
        return broker

    options = {"bootstrap_servers": kafka, "metadata_max_age_ms": 1000}
    task = asyncio.create_task(read_forever(make, {"bootstrap_servers": [kafka]}))
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def grow(kafka: str, topic: str, partitions: int) -> None:
    """Add partitions to a topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_partitions({topic: NewPartitions(partitions)})
    await admin.close()


async def test_a_topic_that_grew_during_a_restart_is_read_whole(kafka: str, topics: Mapping[str, str]) -> None:
    """Partitions that were added while the only member of a group restarted are read."""
    topic = topics[TOPIC]
    async with AIOKafkaProducer(bootstrap_servers=kafka, metadata_max_age_ms=100) as producer, asyncio.timeout(60):
        async with reading(kafka, topic) as heard:
            await producer.send_and_wait(topic, b"before", partition=0)
            while await heard.get() != b"before":
                pass
        await grow(kafka, topic, PARTITIONS + 1)
        async with reading(kafka, topic) as heard:
            await producer.send_and_wait(topic, b"after", partition=0)
            while await heard.get() != b"after":
                pass
            while len(producer.client.cluster.partitions_for_topic(topic)) <= PARTITIONS:
                await producer.client.force_metadata_update()
            await producer.send_and_wait(topic, b"in the new one", partition=PARTITIONS)
            while await heard.get() != b"in the new one":
                pass
