"""A topic that was quiet longer than every timeout: a new record is read at once."""

from __future__ import annotations

import asyncio
from statistics import median
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaProducer

from hub.kafka import broker as kafka_broker
from hub.kafka.broker import Reading, batch_subscriber, make_broker
from hub.kafka.consumer import close_broker

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest
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

    async def handle(records: Any) -> None:
        for _ in records:
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
