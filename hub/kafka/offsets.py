"""Read which topics a broker has, their ids and offsets. In: a broker. Out: `TopicOffsets` per topic.

A topic that was deleted and recreated has the same name and another id.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, LeaderNotAvailableError, UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.offset import OffsetRequest

from hub.kafka.topic_ids import NO_ID, MetadataRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from uuid import UUID

REQUEST_MS: Final = 10_000
RETRY_FOR_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 0.1
EARLIEST: Final = -2
"""What Kafka takes for the moment of a partition's first record."""
LATEST: Final = -1
"""What Kafka takes for the moment after its last."""


READ_UNCOMMITTED: Final = 0
READ_COMMITTED: Final = 1
"""Kafka's two isolation levels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicOffsets:
    """A topic as it is now: its id, and per partition its first offset and the one that comes next."""

    topic_id: UUID
    begins: Mapping[int, int]
    ends: Mapping[int, int]


UNKNOWN_OFFSETS: Final = TopicOffsets(topic_id=NO_ID, begins={}, ends={})
"""A topic whose offsets were not read yet."""


@asynccontextmanager
async def open_offset_client(options: Mapping[str, Any]) -> AsyncIterator[OffsetClient]:
    """Open a client that reads offsets while the block lasts; `options` are aiokafka's connection settings."""
    client = AIOKafkaClient(**{"request_timeout_ms": REQUEST_MS, **options})
    try:
        await client.bootstrap()
        yield OffsetClient(client, options)
    finally:
        await client.close()


async def read_topic_offsets(
    options: Mapping[str, Any], topics: Sequence[str], *, only_committed: bool = False
) -> dict[str, TopicOffsets]:
    """Read offsets once, on a connection of its own; `only_committed` ends before the first open transaction."""
    async with open_offset_client(options) as offset_client:
        return await offset_client.read_topic_offsets(topics, only_committed=only_committed)


class OffsetClient:
    """Reads offsets from one broker; `options` are its connection settings."""

    def __init__(self, client: AIOKafkaClient, options: Mapping[str, Any]) -> None:
        self._client = client
        self.options = options

    async def read_topic_offsets(
        self, topics: Sequence[str], *, only_committed: bool = False
    ) -> dict[str, TopicOffsets]:
        """Return the ids and offsets of topics that exist; raise aiokafka's `KafkaError`.

        A topic that was just created has no leader yet: that is retried.
        """
        asked = time.monotonic()
        while True:
            try:
                return await self._read_topic_offsets(topics, READ_COMMITTED if only_committed else READ_UNCOMMITTED)
            except KafkaError as error:
                if not error.retriable or time.monotonic() - asked > RETRY_FOR_SECONDS:
                    raise
            await asyncio.sleep(RETRY_SECONDS)

    async def read_rights(self, topics: Sequence[str]) -> dict[str, int]:
        """Return the operations that this client may do on topics that exist, as bits by Kafka's own numbers."""
        answer: Any = await self._client.send(self._client.get_random_node(), MetadataRequest(topics, with_rights=True))
        return {topic: rights for code, topic, _id, _internal, _parts, rights, *_more in answer.topics if not code}

    async def _read_topic_offsets(self, topics: Sequence[str], isolation: int) -> dict[str, TopicOffsets]:
        ids, leaders = await self._describe(topics)
        begins, ends = await asyncio.gather(
            self._offsets(leaders, EARLIEST, isolation), self._offsets(leaders, LATEST, isolation)
        )
        return {
            topic: TopicOffsets(topic_id=topic_id, begins=begins[topic], ends=ends[topic])
            for topic, topic_id in ids.items()
        }

    async def _describe(self, topics: Sequence[str]) -> tuple[dict[str, UUID], dict[int, dict[str, list[int]]]]:
        """Find the ids of topics, and who leads which of their partitions."""
        answer: Any = await self._client.send(self._client.get_random_node(), MetadataRequest(topics))
        ids: dict[str, UUID] = {}
        leaders: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for code, topic, topic_id, _internal, partitions, *_more in answer.topics:
            error = for_code(code)
            if error is UnknownTopicOrPartitionError:
                continue
            if code:
                raise error(topic)
            ids[topic] = topic_id
            for fault, partition, leader, *_rest in partitions:
                if fault or leader < 0:
                    raise (for_code(fault) if fault else LeaderNotAvailableError)(f"{topic}/{partition}")
                leaders[leader][topic].append(partition)
        return ids, leaders

    async def _offsets(
        self, leaders: Mapping[int, Mapping[str, Sequence[int]]], moment: int, isolation: int
    ) -> dict[str, dict[int, int]]:
        found: dict[str, dict[int, int]] = defaultdict(dict)
        for leader, topics in leaders.items():
            asked = [(topic, [(partition, moment) for partition in parts]) for topic, parts in topics.items()]
            answer: Any = await self._client.send(leader, OffsetRequest(-1, isolation, asked))
            for topic, parts in answer.topics:
                for partition, code, _, offset, *_ in parts:
                    if code:
                        raise for_code(code)(f"{topic}/{partition}")
                    found[topic][partition] = offset
        return found
