"""Publish to the hub's own Kafka. In: the work of the active publisher. Out: records, through `Publisher`.

One process per publisher is active, the others stand by; it starts over after any error.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog
from aiokafka.errors import KafkaError

from hub.errors import LogIsAhead
from hub.kafka import batches
from hub.kafka.reach import find_fault
from hub.kafka.sender import REFUSALS, Sender
from hub.processes import loops
from hub.store.locks import hold_advisory_lock
from hub.store.pool import DATABASE_ERRORS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from hub.settings import Settings
    from hub.store.pool import Connection

    Work = Callable[[Connection, "Publisher"], Awaitable[None]]

RETRY_SECONDS: Final = 0.3
REFUSED_SECONDS: Final = 3.0
logger = structlog.get_logger(__name__)


async def publish_forever(settings: Settings, lock: int, work: Work, loop: str) -> None:
    """Run `work` while this process holds the lock; start over after any error. `loop` is its name in the health."""
    while True:
        try:
            async with (
                hold_advisory_lock(settings.direct_dsn, lock, lambda: loops.moved(loop)) as c,
                _publisher(settings) as publisher,
            ):
                await work(c, publisher)
        except (KafkaError, *DATABASE_ERRORS) as error:
            fault = await _fault(settings, error)
            loops.failed(loop, fault)
            logger.warning("publisher.interrupted", error=fault, next="retry in 0.3 s")
            await asyncio.sleep(RETRY_SECONDS)
        except LogIsAhead as fault:
            loops.failed(loop, fault.detail)
            logger.error("publisher.refused", error=fault.detail, next=fault.next_step)  # noqa: TRY400 - it says all
            await asyncio.sleep(REFUSED_SECONDS)
        except Exception as error:  # must not end the other publishers of this process
            loops.failed(loop, error)
            logger.exception("publisher.failed", next="retry in 3 s")
            await asyncio.sleep(REFUSED_SECONDS)


async def _fault(settings: Settings, error: BaseException) -> str:
    if isinstance(error, KafkaError):
        return await find_fault(settings.kafka.client_options(), error)
    return f"{type(error).__name__}: {error}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """What became of records: offsets per partition, and why the broker refused others, by their place."""

    offsets: Mapping[int, Sequence[int]]
    refused: Mapping[int, Exception]


class Publisher:
    """Sends records to the hub's own Kafka, those of a school in the order given."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def send(self, topic: str, records: Sequence[tuple[str, bytes]]) -> SendResult:
        """Send (BRIN4, event) records; raise the error that stopped it, unless the broker refused a record for good.

        The later records of a school of which one was refused are refused too.
        """
        partitions = await self._sender.partitions(topic)
        places: dict[int, list[int]] = defaultdict(list)
        for place, record in enumerate(records):
            places[batches.partition_of(record[0], partitions)].append(place)
        sent = await asyncio.gather(
            *(self._sender.send(topic, p, [records[place] for place in part]) for p, part in places.items())
        )
        offsets: dict[int, list[int]] = defaultdict(list)
        refused: dict[int, Exception] = {}
        for (partition, part), results in zip(places.items(), sent, strict=True):
            for place, result in zip(part, results, strict=True):
                if isinstance(result, int):
                    offsets[partition].append(result)
                elif isinstance(result, REFUSALS):
                    refused[place] = result
                else:
                    raise result
        return SendResult(offsets=offsets, refused=refused)


@asynccontextmanager
async def _publisher(settings: Settings) -> AsyncIterator[Publisher]:
    sender = Sender(settings.kafka.client_options())
    try:
        yield Publisher(sender)
    finally:
        await sender.close()
