"""Send records to partitions through faults. In: records of a partition. Out: an offset for each, or why it has none.

A producer that failed is replaced. A record that the broker refuses is found by sending one at a time. The later
records of its school are not sent, so that none overtakes it; those of other schools are.
"""

from __future__ import annotations

import asyncio
import time
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import structlog
from aiokafka.errors import (
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
)

from hub.kafka import batches
from schemas.topics import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiokafka import AIOKafkaProducer

    Record: TypeAlias = tuple[str, bytes]

TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError)
REFUSALS: Final = (*TOO_LARGE, InvalidTimestampError, PolicyViolationError)
"""What a broker says of a record, and would say again."""
REMEMBERED_SECONDS: Final = 60.0
"""How long a topic's bound is believed before it is tried again: somebody may have raised it."""
log = structlog.get_logger(__name__)


class Sender:
    """An idempotent producer that is replaced when it fails, and what it has learnt of topics."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._bounds: dict[str, tuple[int, float]] = {}
        self._one_by_one: dict[str, float] = {}

    async def close(self) -> None:
        """Wait for what was sent, and stop the producer."""
        if self._producer is not None:
            await self._drop(self._producer)

    async def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has now; raise aiokafka's `KafkaError` when that is not known."""
        producer = await self.ready()
        return len(await producer.partitions_for(topic))

    def known_partitions(self, topic: str) -> int:
        """Return how many partitions a topic has, or is to have when that is not known."""
        known = self._producer and self._producer.client.cluster.partitions_for_topic(topic)
        return len(known) if known else PARTITIONS

    async def ready(self) -> AIOKafkaProducer:
        """Return a producer that was started."""
        async with self._starting:
            if self._producer is None:
                producer = batches.make_producer(self._options)
                try:
                    await producer.start()
                except BaseException:
                    await self._drop(producer)
                    raise
                self._producer = producer
            return self._producer

    async def send(self, topic: str, partition: int, records: Sequence[Record]) -> list[int | Exception]:
        """Send (BRIN4, message) records in order; return an offset or an error for each."""
        results: list[int | Exception] = []
        refused: dict[str, Exception] = {}
        while len(results) < len(records):
            part = self._next(topic, records[len(results) :])
            error = refused.get(part[0][0]) or self._foreseen(topic, part[0])
            if error is None:
                offsets, error = await self._send_some(topic, partition, part)
                results += offsets
                part = part[len(offsets) :]
                if len(part) == 1 and isinstance(error, TOO_LARGE):
                    self._bounds[topic] = len(part[0][1]), time.monotonic() + REMEMBERED_SECONDS
            if isinstance(error, REFUSALS):
                if len(part) == 1:
                    refused[part[0][0]] = error
                    results.append(error)
                self._one_by_one[topic] = time.monotonic() + REMEMBERED_SECONDS
            elif error is not None:
                results += [error] * (len(records) - len(results))
        return results

    async def _send_some(
        self, topic: str, partition: int, records: Sequence[Record]
    ) -> tuple[list[int], Exception | None]:
        try:
            producer = await self.ready()
        except (KafkaError, OSError) as away:
            return [], away
        offsets, error = await batches.send_records(producer, topic, partition, records)
        if error is not None:
            if self._producer is producer:
                words = batches.describe(error)
                log.warning("producer.replaced", topic=topic, error=words, next="sent again from the ledger")
            await self._drop(producer)
        return offsets, error

    def _next(self, topic: str, records: Sequence[Record]) -> Sequence[Record]:
        if self._one_by_one.get(topic, 0.0) > time.monotonic() or self._foreseen(topic, records[0]):
            return records[:1]
        return list(takewhile(lambda record: self._foreseen(topic, record) is None, records))

    def _foreseen(self, topic: str, record: Record) -> Exception | None:
        size, until = self._bounds.get(topic, (0, 0.0))
        if until > time.monotonic() and len(record[1]) >= size:
            error: Exception = MessageSizeTooLargeError(f"{len(record[1])} bytes")
            return error
        return None

    async def _drop(self, producer: AIOKafkaProducer) -> None:
        if self._producer is producer:
            self._producer = None
        await batches.stop_producer(producer)
