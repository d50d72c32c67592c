"""How far topics reach, as the database knows it. In: topics as a broker shows them. Out: as they were last seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime
    from uuid import UUID

    from hub.kafka.offsets import TopicOffsets
    from hub.store.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """A topic as it was last seen."""

    topic_id: UUID
    begins: Mapping[int, int]
    ends: Mapping[int, int]

    @classmethod
    def of(cls, topic_offsets: TopicOffsets) -> Self:
        """Return the watermark of a topic as it is."""
        return cls(topic_id=topic_offsets.topic_id, begins=topic_offsets.begins, ends=topic_offsets.ends)

    def matches(self, topic_offsets: TopicOffsets) -> bool:
        """Return whether a topic is still the same one, and has lost nothing from its end."""
        return self.topic_id == topic_offsets.topic_id and all(
            topic_offsets.ends.get(partition, 0) >= end for partition, end in self.ends.items()
        )


async def read(c: Connection, topic: str) -> Watermark | None:
    """Read how a topic was last seen; None when it never was."""
    rows = await queries.read_watermarks(c, topic=topic)
    if not rows:
        return None
    return Watermark(
        topic_id=rows[0]["topic_id"],
        begins={row["partition"]: row["start_offset"] for row in rows},
        ends={row["partition"]: row["end_offset"] for row in rows},
    )


async def write(c: Connection, topic: str, topic_offsets: TopicOffsets, at: datetime) -> None:
    """Store the offsets of a topic."""
    partitions = sorted(topic_offsets.ends)
    await queries.write_watermarks(
        c,
        topic=topic,
        topic_id=topic_offsets.topic_id,
        partitions=partitions,
        start_offsets=[topic_offsets.begins[partition] for partition in partitions],
        end_offsets=[topic_offsets.ends[partition] for partition in partitions],
        at=at,
    )


async def lock_read_offsets(c: Connection, topic: str, partitions: Collection[int]) -> dict[int, int]:
    """Lock and return the read offsets of partitions; those that never were read are left out."""
    rows = await queries.lock_read_offsets(c, topic=topic, partitions=sorted(partitions))
    return {row["partition"]: row["next_offset"] for row in rows}


async def write_read_offsets(c: Connection, topic: str, offsets: Mapping[int, int]) -> None:
    """Store the read offsets of partitions; they never go back."""
    await queries.raise_read_offsets(c, topic=topic, partitions=list(offsets), next_offsets=list(offsets.values()))


async def delete_read_offsets(c: Connection, topic: str) -> None:
    """Delete the read offsets of a topic that was recreated."""
    await queries.delete_read_offsets(c, topic=topic)
