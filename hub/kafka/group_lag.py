"""How far a group is behind. In: a broker, a group, a topic. Out: how many records it has not read, and their age."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from hub.kafka.offsets import open_offset_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from hub.kafka.offsets import OffsetClient, TopicOffsets

READ_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLag:
    """What a group has not read; `oldest_seconds` is None when there is nothing, or when it could not be read."""

    records: int
    oldest_seconds: float | None = None
    uncommitted: int = 0
    """Records that nobody can read yet, because a transaction of their writer is open."""


async def read_group_lag(options: Mapping[str, Any], group: str, topic: str) -> GroupLag | None:
    """Return how far a group is behind, None when the topic does not exist; raise aiokafka's `KafkaError`."""
    async with open_group_lag(options, group, topic) as reader:
        return await reader.read()


@asynccontextmanager
async def open_group_lag(options: Mapping[str, Any], group: str, topic: str) -> AsyncIterator[GroupLagReader]:
    """Open the connections of a reader, for as long as the block runs."""
    admin = AIOKafkaAdminClient(**options)
    try:
        async with open_offset_client(options) as offset_client:
            await admin.start()
            yield GroupLagReader(admin, offset_client, group, topic)
    finally:
        await admin.close()


class GroupLagReader:
    """Reads how far a group is behind, again and again."""

    def __init__(self, admin: AIOKafkaAdminClient, offset_client: OffsetClient, group: str, topic: str) -> None:
        self._admin = admin
        self._offset_client = offset_client
        self._group = group
        self._topic = topic

    async def read(self) -> GroupLag | None:
        """Return how far the group is behind, None when the topic does not exist; raise aiokafka's `KafkaError`."""
        topics = [self._topic]
        everything = (await self._offset_client.read_topic_offsets(topics)).get(self._topic)
        committed = (await self._offset_client.read_topic_offsets(topics, only_committed=True)).get(self._topic)
        if everything is None or committed is None:
            return None
        positions = await self._positions(committed)
        behind = {tp: at for tp, at in positions.items() if at < committed.ends[tp.partition]}
        return GroupLag(
            records=sum(committed.ends[tp.partition] - at for tp, at in behind.items()),
            oldest_seconds=await _oldest(self._offset_client.options, behind),
            uncommitted=sum(everything.ends.values()) - sum(committed.ends.values()),
        )

    async def _positions(self, there: TopicOffsets) -> dict[TopicPartition, int]:
        partitions = [TopicPartition(self._topic, partition) for partition in there.ends]
        found = await self._admin.list_consumer_group_offsets(self._group, partitions=partitions)
        return {tp: max(found[tp].offset, there.begins[tp.partition]) for tp in partitions if tp in found}


async def _oldest(options: Mapping[str, Any], behind: Mapping[TopicPartition, int]) -> float | None:
    """Return the age of the oldest record that waits, by the clock of its writer."""
    if not behind:
        return None
    consumer = AIOKafkaConsumer(**options, enable_auto_commit=False, isolation_level="read_committed")
    try:
        await consumer.start()
        consumer.assign(list(behind))
        for tp, at in behind.items():
            consumer.seek(tp, at)
        async with asyncio.timeout(READ_SECONDS):
            firsts: list[int] = [(await consumer.getone(tp)).timestamp for tp in behind]
    except TimeoutError:
        return None
    finally:
        await consumer.stop()
    return max(0.0, time.time() - min(firsts) / 1000)
