"""A topic read from its end to the end it has now, without a group. In: a broker, a topic, offsets. Out: its records.

No group's offsets move, and nothing is created or committed.
"""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from hub.kafka.offsets import read_topic_offsets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from aiokafka import ConsumerRecord

    from hub.kafka.offsets import TopicOffsets

MOST_RECORDS: Final = 2000
POLL_MS: Final = 500
READ_TIMEOUT_SECONDS: Final = 30.0


async def read_records(
    options: Mapping[str, Any], topic: str, topic_offsets: TopicOffsets, starts: Mapping[int, int]
) -> AsyncIterator[Sequence[ConsumerRecord[bytes, bytes]]]:
    """Read partitions in order, from `starts` or their beginnings to the ends of `topic_offsets`.

    What stands behind an open transaction cannot be read, and is left out. Raises `TimeoutError` when nothing comes
    for half a minute although the end was not reached.
    """
    readable = (await read_topic_offsets(options, [topic], only_committed=True))[topic].ends
    left = {
        TopicPartition(topic, partition): (
            max(starts.get(partition, 0), topic_offsets.begins[partition]),
            min(end, readable.get(partition, 0)),
        )
        for partition, end in topic_offsets.ends.items()
    }
    left = {partition: (start, end) for partition, (start, end) in left.items() if start < end}
    if not left:
        return
    async with _consumer(options) as consumer:
        consumer.assign(list(left))
        for partition, (start, _) in left.items():
            consumer.seek(partition, start)
        while left:
            batch = await _next(consumer, left)
            yield [record for record in batch if record.offset < left[_partition_of(record)][1]]
            left = {
                partition: (start, end)
                for partition, (start, end) in left.items()
                if await consumer.position(partition) < end
            }


async def _next(
    consumer: AIOKafkaConsumer, left: Mapping[TopicPartition, tuple[int, int]]
) -> list[ConsumerRecord[bytes, bytes]]:
    async with asyncio.timeout(READ_TIMEOUT_SECONDS):
        while True:
            found = await consumer.getmany(*left, timeout_ms=POLL_MS, max_records=MOST_RECORDS)
            batch = [record for part in found.values() for record in part]
            if batch or any([await consumer.position(partition) >= end for partition, (_, end) in left.items()]):
                return batch


def _partition_of(record: ConsumerRecord[bytes, bytes]) -> TopicPartition:
    return TopicPartition(record.topic, record.partition)


@asynccontextmanager
async def _consumer(options: Mapping[str, Any]) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        **options,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        with contextlib.suppress(KafkaError):  # nothing of it is relied upon
            await consumer.stop()
