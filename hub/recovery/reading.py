"""A topic read from its end to the end it has now, without a group. In: a broker, a topic, offsets. Out: its records.

Nobody's place in the topic moves by it, and nothing is created or committed.
"""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from aiokafka import ConsumerRecord

    from hub.extents import Extent

MOST_RECORDS: Final = 2000
LOOK_MS: Final = 500
PATIENCE_SECONDS: Final = 30.0


async def records(
    options: Mapping[str, Any], topic: str, extent: Extent, starts: Mapping[int, int]
) -> AsyncIterator[Sequence[ConsumerRecord[bytes, bytes]]]:
    """Read partitions from `starts`, or their beginnings, to the ends of `extent`; those of a partition in order.

    Raises `KafkaError` when nothing comes for half a minute although the end was not reached.
    """
    left = {
        TopicPartition(topic, partition): (max(starts.get(partition, 0), extent.begins[partition]), end)
        for partition, end in extent.ends.items()
    }
    left = {place: (start, end) for place, (start, end) in left.items() if start < end}
    if not left:
        return
    async with _consumer(options) as consumer:
        consumer.assign(list(left))
        for place, (start, _) in left.items():
            consumer.seek(place, start)
        while left:
            batch = await _next(consumer, left)
            yield [record for record in batch if record.offset < left[_place(record)][1]]
            left = {place: (start, end) for place, (start, end) in left.items() if await consumer.position(place) < end}


async def _next(
    consumer: AIOKafkaConsumer, left: Mapping[TopicPartition, tuple[int, int]]
) -> list[ConsumerRecord[bytes, bytes]]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = await consumer.getmany(*left, timeout_ms=LOOK_MS, max_records=MOST_RECORDS)
            batch = [record for part in found.values() for record in part]
            if batch or any([await consumer.position(place) >= end for place, (_, end) in left.items()]):
                return batch


def _place(record: ConsumerRecord[bytes, bytes]) -> TopicPartition:
    return TopicPartition(record.topic, record.partition)


@asynccontextmanager
async def _consumer(options: Mapping[str, Any]) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        **options, enable_auto_commit=False, auto_offset_reset="none", max_partition_fetch_bytes=4 * 1024 * 1024
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        with contextlib.suppress(KafkaError):  # nothing of it is relied upon
            await consumer.stop()
