"""A topic that was quiet longer than every timeout: a new record is read at once."""

from __future__ import annotations

import asyncio
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaProducer

from hub.kafka import broker as kafka_broker
from hub.kafka import consumer
from hub.kafka.broker import Batch, Reading, batch_subscriber, make_broker
from hub.kafka.consumer import close_broker
from tests.support.lanes.forwarding import until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from faststream.kafka import KafkaMessage

TOPIC = "duo.reports.v1"
POLL_MS = 400
QUIET_SECONDS = 0.6
READ_WITHIN_SECONDS = 0.1


async def test_a_record_after_a_long_silence_is_read_at_once(
    kafka: str, topics: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record after a long silence is read at once."""
    monkeypatch.setattr(kafka_broker, "POLL_MS", POLL_MS)
    arrived: asyncio.Queue[float] = asyncio.Queue()
    time = asyncio.get_running_loop().time

    async def as_they_are(message: KafkaMessage) -> Any:
        return message.raw_message

    async def handle(batch: Batch) -> None:
        for _ in batch.records:
            arrived.put_nowait(time())

    broker = make_broker({"bootstrap_servers": kafka})
    reading = Reading(group="who-waits", instance=None, most_records=10)
    batch_subscriber(broker, topics[TOPIC], reading, as_they_are)(handle)
    await broker.start()
    late = []
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await producer.send_and_wait(topics[TOPIC], b"the first", partition=3)
        await arrived.get()
        for _ in range(5):
            await asyncio.sleep(QUIET_SECONDS)
            await producer.send_and_wait(topics[TOPIC], b"another", partition=3)
            written = time()
            late.append(await arrived.get() - written)
    await close_broker(broker)
    assert median(late) < READ_WITHIN_SECONDS, late


@pytest.mark.parametrize("part", ["_fetcher._fetch_task", "_client._sync_task"])
async def test_a_consumer_that_lost_a_part_is_replaced(
    kafka: str, topics: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """A task of aiokafka that ends by itself tells nobody; the consumer is replaced, and the next record read."""
    monkeypatch.setattr(kafka_broker, "POLL_MS", 100)
    monkeypatch.setattr(consumer, "RESTART_SECONDS", 0.1)
    arrived: asyncio.Queue[bytes] = asyncio.Queue()
    made: list[Any] = []

    async def as_they_are(message: KafkaMessage) -> Any:
        return message.raw_message

    async def handle(batch: Batch) -> None:
        for record in batch.records:
            arrived.put_nowait(record.value)

    def make() -> consumer.WaitingBroker:
        broker = make_broker({"bootstrap_servers": kafka})
        reading = Reading(group=f"who-is-deaf{part}", instance=None, most_records=10)
        made.append(batch_subscriber(broker, topics[TOPIC], reading, as_they_are))
        made[-1](handle)
        return broker

    task = asyncio.create_task(consumer.read_forever(make, {"bootstrap_servers": [kafka]}))
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer, asyncio.timeout(30):
        await producer.send_and_wait(topics[TOPIC], b"heard", partition=3)
        assert await arrived.get() == b"heard"
        whose, name = part.split(".")
        getattr(getattr(made[0].consumer, whose), name).cancel()
        await asyncio.sleep(0)
        await producer.send_and_wait(topics[TOPIC], b"heard again", partition=3)
        while await arrived.get() != b"heard again":
            pass
        await until(lambda: _is(len(made) > 1))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _is(claim: bool) -> bool:  # noqa: FBT001 - what `until` waits for
    return claim
