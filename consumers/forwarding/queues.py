"""Send records to DUO's queues. In: the records of one topic and partition. Out: an outcome per record.

A batch to a partition is awaited whole before the next one, so that a record never overtakes a failed one. What a
replaced producer may not have sent is sent again from the ledger.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hub.domain.delivery import Delivered, Failure, NotAttempted, Refused, RetryLater
from hub.kafka import batches
from hub.kafka.sender import REFUSALS, TOO_LARGE, Sender
from hub.outbound.machine import shortage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hub.clock import Clock
    from hub.domain.delivery import Outcome


class Queues:
    """DUO's queues behind one idempotent producer."""

    def __init__(self, options: Mapping[str, Any], clock: Clock) -> None:
        self._sender = Sender(options)
        self._now = clock
        self._gates: dict[tuple[str, int], asyncio.Lock] = {}

    async def close(self) -> None:
        """Wait for what was sent, and stop the producer."""
        await self._sender.close()

    async def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has; when nobody answers, how many it had or is to have."""
        with suppress(Exception):  # sending will say what is wrong
            return await self._sender.partitions(topic)
        return self._sender.known_partitions(topic)

    def gate(self, topic: str, partition: int) -> asyncio.Lock:
        """Return the lock of a partition; a sender holds it until its whole batch is answered."""
        return self._gates.setdefault((topic, partition), asyncio.Lock())

    async def send(self, topic: str, partition: int, records: Sequence[tuple[str, bytes]]) -> list[Outcome]:
        """Send (BRIN4, message) records in order and return an outcome for each; network errors are outcomes."""
        started = time.monotonic()
        results = await self._sender.send(topic, partition, records)
        at, spent = self._now(), int((time.monotonic() - started) * 1000)
        return [
            _failure(result, topic, at, spent)
            if isinstance(result, Exception)
            else Delivered(at=at, partition=partition, offset=result, duration_ms=spent)
            for result in results
        ]


def _failure(error: Exception, topic: str, at: datetime, spent: int) -> Failure | NotAttempted:
    words = f"{topic}: {batches.describe(error)}"
    if isinstance(error, TOO_LARGE):
        words += "; larger than the queue takes: its max.message.bytes"
    if isinstance(error, REFUSALS):
        return Refused(at=at, error=words, duration_ms=spent)
    own = shortage()
    if own is not None:
        return NotAttempted(at=at, error=own.error, next_step=own.next_step, is_general=True)
    return RetryLater(at=at, error=words, duration_ms=spent)
