"""Records to one partition, as whole batches, in order. In: keys and values. Out: offsets, and what stopped it.

A batch is awaited before the next is sent, so that no record overtakes one that failed; and a batch costs a future, not
every record of it. An idempotent producer of aiokafka tries again for ever, also on a connection that hangs: here it
gets a bounded time, and is then not to be used any more.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from schemas.cloudevents import KAFKA_HEADERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BATCH_BYTES: Final = 262_144
REQUEST_MS: Final = 8000
BATCH_TIMEOUT_SECONDS: Final = 10.0
"""For one batch, from the moment it is handed over until it is taken."""
STOP_TIMEOUT_SECONDS: Final = 3.0
_HEADERS: Final = list(KAFKA_HEADERS)


def make_producer(options: Mapping[str, Any]) -> AIOKafkaProducer:
    """Make an idempotent producer for such batches, not started, from aiokafka's own connection options."""
    return AIOKafkaProducer(
        **options,
        enable_idempotence=True,
        acks="all",
        linger_ms=0,
        max_batch_size=BATCH_BYTES,
        request_timeout_ms=REQUEST_MS,
    )


def partition_of(brin: str, partitions: int) -> int:
    """Return the partition of a school's records: Kafka's own choice for the key."""
    return _hash(brin) % partitions


@lru_cache(65_536)  # all schools; the client's own function is pure Python
def _hash(brin: str) -> int:
    return int(murmur2(brin.encode()) & 0x7FFFFFFF)


async def send_records(
    producer: AIOKafkaProducer, topic: str, partition: int, records: Sequence[tuple[str, bytes]]
) -> tuple[list[int], Exception | None]:
    """Send (BRIN4, message) records; return the offsets of those that were taken, and the error that stopped it."""
    offsets: list[int] = []
    try:
        while len(offsets) < len(records):
            batch, n = _fill(producer, records[len(offsets) :])
            async with asyncio.timeout(BATCH_TIMEOUT_SECONDS):
                taken = await (await producer.send_batch(batch, topic, partition=partition))
            offsets += range(taken.offset, taken.offset + n)
    except (KafkaError, OSError) as error:
        return offsets, error
    return offsets, None


async def stop_producer(producer: AIOKafkaProducer) -> None:
    """Stop a producer in any state; what it still holds must not arrive later."""
    try:
        async with asyncio.timeout(STOP_TIMEOUT_SECONDS):
            await producer.stop()
    except (KafkaError, OSError):
        await producer.client.close()
        sending = producer._sender and producer._sender.sender_task  # noqa: SLF001 - no other way to end what it tries for ever
        if sending is not None:
            sending.cancel()
            await asyncio.wait({sending}, timeout=STOP_TIMEOUT_SECONDS)


def describe(error: Exception | None) -> str:
    """Return in words what stopped a batch."""
    if isinstance(error, TimeoutError):
        return f"no answer within {BATCH_TIMEOUT_SECONDS:g} s"
    return f"{type(error).__name__} {error}"[:300]


def _fill(producer: AIOKafkaProducer, records: Sequence[tuple[str, bytes]]) -> tuple[Any, int]:
    batch, n = producer.create_batch(), 0
    for brin, value in records:
        if batch.append(key=brin.encode(), value=value, timestamp=None, headers=_HEADERS) is None:
            break
        n += 1
    batch.close()
    return batch, n
