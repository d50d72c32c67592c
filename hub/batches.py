"""Records to one partition, as whole batches, in order. In: keys and values. Out: offsets, and what stopped it.

A batch is awaited before the next is sent, so that no record overtakes one that failed; and a batch costs a future, not
every record of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from schemas.cloudevents import KAFKA_HEADERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import AIOKafkaProducer

BATCH_BYTES: Final = 262_144
"""The largest batch; what a producer is made with as `max_batch_size`."""
_HEADERS: Final = list(KAFKA_HEADERS)


def partition_of(brin: str, partitions: int) -> int:
    """Say which partition a school's records go to: Kafka's own choice for the key."""
    return int(murmur2(brin.encode()) & 0x7FFFFFFF) % partitions


async def send(
    producer: AIOKafkaProducer, topic: str, partition: int, records: Sequence[tuple[str, bytes]]
) -> tuple[list[int], Exception | None]:
    """Send (BRIN4, message) records; returns the offsets of those that were taken, and the error that stopped it."""
    offsets: list[int] = []
    try:
        while len(offsets) < len(records):
            batch, n = _fill(producer, records[len(offsets) :])
            taken = await (await producer.send_batch(batch, topic, partition=partition))
            offsets += range(taken.offset, taken.offset + n)
    except (KafkaError, OSError) as error:
        return offsets, error
    return offsets, None


def _fill(producer: AIOKafkaProducer, records: Sequence[tuple[str, bytes]]) -> tuple[Any, int]:
    batch, n = producer.create_batch(), 0
    for brin, value in records:
        if batch.append(key=brin.encode(), value=value, timestamp=None, headers=_HEADERS) is None:
            break
        n += 1
    batch.close()
    return batch, n
