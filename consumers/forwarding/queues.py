"""Send records to DUO's queues. In: the records of one topic and partition. Out: an outcome per record.

A batch to a partition is awaited whole before the next one, so that a record never overtakes a failed one. A producer
that failed is replaced, and what it may not have sent is sent again from the ledger.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from hub.domain.delivery import Delivered, Failure, NotAttempted, Refused, RetryLater
from hub.kafka import batches
from hub.outbound.machine import shortage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from aiokafka import AIOKafkaProducer

    from hub.clock import Clock
    from hub.domain.delivery import Outcome

log = structlog.get_logger(__name__)


class Queues:
    """DUO's queues behind one idempotent producer."""

    def __init__(self, options: Mapping[str, Any], clock: Clock) -> None:
        self._options = options
        self._now = clock
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._gates: dict[tuple[str, int], asyncio.Lock] = {}

    async def close(self) -> None:
        """Wait for what was sent, and stop the producer."""
        if self._producer is not None:
            await self._drop(self._producer)

    def gate(self, topic: str, partition: int) -> asyncio.Lock:
        """Return the lock of a partition; a sender holds it until its whole batch is answered."""
        return self._gates.setdefault((topic, partition), asyncio.Lock())

    async def send(self, topic: str, partition: int, records: Sequence[tuple[str, bytes]]) -> list[Outcome]:
        """Send (BRIN4, message) records in order and return an outcome for each; network errors are outcomes."""
        started = time.monotonic()
        offsets: list[int] = []
        error: Exception | None = None
        try:
            producer = await self._ready()
        except (KafkaError, OSError) as away:
            error = away
        else:
            offsets, error = await batches.send_records(producer, topic, partition, records)
            if error is not None:
                await self._replace(producer, topic, error)
        at, spent = self._now(), int((time.monotonic() - started) * 1000)
        outcomes: list[Outcome] = [
            Delivered(at=at, partition=partition, offset=offset, duration_ms=spent) for offset in offsets
        ]
        if len(offsets) < len(records):
            outcomes += [_failure(error, topic, at, spent)] * (len(records) - len(offsets))
        return outcomes

    async def _ready(self) -> AIOKafkaProducer:
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

    async def _replace(self, producer: AIOKafkaProducer, topic: str, error: Exception) -> None:
        if self._producer is producer:
            log.warning("producer.replaced", topic=topic, error=_describe(error), next="sent again from the ledger")
        await self._drop(producer)

    async def _drop(self, producer: AIOKafkaProducer) -> None:
        if self._producer is producer:
            self._producer = None
        await batches.stop_producer(producer)


def _failure(error: Exception | None, topic: str, at: datetime, spent: int) -> Failure | NotAttempted:
    own = shortage()
    if own is not None:
        return NotAttempted(at=at, error=own.error, next_step=own.next_step, is_general=True)
    words = f"{topic}: {_describe(error)}"
    if isinstance(error, MessageSizeTooLargeError):
        return Refused(at=at, error=words, duration_ms=spent)
    return RetryLater(at=at, error=words, duration_ms=spent)


def _describe(error: Exception | None) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {batches.BATCH_TIMEOUT_SECONDS:g} s"
    return f"{type(error).__name__} {error}"[:300]
