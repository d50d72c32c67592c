"""A broker that hangs: nothing waits for it without a limit, neither commits nor shutdown."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

from aiokafka import AIOKafkaProducer
from faststream.kafka import KafkaMessage  # noqa: TC002 - FastStream reads the annotation

from hub.kafka.broker import Batch, Reading, batch_subscriber, commit, make_broker, offsets_after
from hub.kafka.consumer import close_broker
from tests.support.servers.brokers import own_kafka

TOPIC = "osr.mandates.v1"
LONG_SECONDS = 30.0


async def test_neither_offsets_nor_leaving_wait_for_it() -> None:
    """Committing offsets and stopping give up after their timeouts."""
    heard: asyncio.Queue[tuple[Any, Any]] = asyncio.Queue()

    async def as_they_are(message: KafkaMessage) -> Any:
        return message.raw_message

    async def take(batch: Batch) -> None:
        heard.put_nowait((batch.consumer, batch.records))

    async with own_kafka() as (ours, at):
        ((_, pid),) = ours.pids
        broker = make_broker({"bootstrap_servers": at})
        batch_subscriber(broker, TOPIC, Reading(group="who-hangs", instance=None, most_records=1), as_they_are)(take)
        await broker.start()
        async with AIOKafkaProducer(bootstrap_servers=at) as producer:
            await producer.send_and_wait(TOPIC, b"a bell")
        consumer, records = await heard.get()
        os.kill(pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(LONG_SECONDS):
                await commit(consumer, offsets_after(records))
                await close_broker(broker)
        finally:
            os.kill(pid, signal.SIGCONT)
