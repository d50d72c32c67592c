"""Publish to the hub's own Kafka. In: the work of the active publisher. Out: records, through `Publisher`.

One process per publisher is active, the others stand by; it starts over after any error.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import structlog
from aiokafka.errors import KafkaError

from hub.errors import LogIsAhead
from hub.kafka import batches
from hub.kafka.reach import find_fault
from hub.store.locks import hold_advisory_lock
from hub.store.pool import DATABASE_ERRORS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from aiokafka import AIOKafkaProducer

    from hub.settings import Settings
    from hub.store.pool import Connection

    Work = Callable[[Connection, "Publisher"], Awaitable[None]]

RETRY_SECONDS: Final = 0.3
REFUSED_SECONDS: Final = 3.0
logger = structlog.get_logger(__name__)


async def publish_forever(settings: Settings, lock: int, work: Work) -> None:
    """Run `work` while this process holds the lock; start over after any error."""
    while True:
        try:
            async with hold_advisory_lock(settings.direct_dsn, lock) as c, _publisher(settings) as publisher:
                await work(c, publisher)
        except (KafkaError, *DATABASE_ERRORS) as error:
            fault = await _fault(settings, error)
            logger.warning("publisher.interrupted", error=fault, next="retry in 0.3 s")
            await asyncio.sleep(RETRY_SECONDS)
        except LogIsAhead as fault:
            logger.error("publisher.refused", error=fault.detail, next=fault.next_step)  # noqa: TRY400 - it says all
            await asyncio.sleep(REFUSED_SECONDS)
        except Exception:  # must not end the other publishers of this process
            logger.exception("publisher.failed", next="retry in 3 s")
            await asyncio.sleep(REFUSED_SECONDS)


async def _fault(settings: Settings, error: BaseException) -> str:
    if isinstance(error, KafkaError):
        return await find_fault(settings.kafka.client_options(), error)
    return f"{type(error).__name__}: {error}"


class Publisher:
    """Sends records to the hub's own Kafka, those of a school in the order given."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def send(self, topic: str, records: Sequence[tuple[str, bytes]]) -> dict[int, list[int]]:
        """Send (BRIN4, event) records and return their offsets per partition; raise the error that stopped it."""
        partitions = len(await self._producer.partitions_for(topic))
        parts: dict[int, list[tuple[str, bytes]]] = defaultdict(list)
        for record in records:
            parts[batches.partition_of(record[0], partitions)].append(record)
        sent = await asyncio.gather(
            *(batches.send_records(self._producer, topic, p, part) for p, part in parts.items())
        )
        for _, error in sent:
            if error is not None:
                raise error
        return {partition: offsets for partition, (offsets, _) in zip(parts, sent, strict=True)}


@asynccontextmanager
async def _publisher(settings: Settings) -> AsyncIterator[Publisher]:
    producer = batches.make_producer(settings.kafka.client_options())
    try:
        await producer.start()
        yield Publisher(producer)
    finally:
        await batches.stop_producer(producer)
