"""Decide which records of a batch come next. In: a batch. Out: those to apply, and partitions to rewind first.

The database stores how far a topic was read, in the transaction that applies a batch. A database that was restored from
a backup is behind the group's offsets: the partition is rewound to what the database has, and repeats change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import structlog
from aiokafka import TopicPartition

from hub.kafka.broker import Positioned, offsets_after
from hub.store import watermarks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.store.pool import Connection

Read = TypeVar("Read", bound=Positioned)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSplit(Generic[Read]):
    """The records that come next, and the offsets from which other partitions are to be read first."""

    records: Sequence[Read]
    rewind: Mapping[TopicPartition, int] = field(default_factory=dict)


class ReadPositions:
    """Offsets stored in the database, and the partitions already rewound."""

    def __init__(self) -> None:
        self._stored: dict[TopicPartition, int] = {}

    async def split(self, c: Connection, records: Sequence[Read]) -> BatchSplit[Read]:
        """Return the records that come next and store them as read, in the caller's transaction.

        A partition that was rewound and still begins later has lost the records between: it is read on.
        """
        firsts: dict[TopicPartition, int] = {}
        for record in records:
            firsts.setdefault(TopicPartition(record.topic, record.partition), record.offset)
        topic = records[0].topic
        known = await watermarks.lock_read_offsets(c, topic, {tp.partition for tp in firsts})
        rewind = {
            partition: stored
            for partition, first in firsts.items()
            if (stored := known.get(partition.partition, first)) < first and self._stored.get(partition) != stored
        }
        kept = [record for record in records if TopicPartition(record.topic, record.partition) not in rewind]
        if kept:
            await watermarks.write_read_offsets(
                c, topic, {partition.partition: end for partition, end in offsets_after(kept).items()}
            )
        return BatchSplit(records=kept, rewind=rewind)

    def committed(self, split: BatchSplit[Any]) -> None:
        """Remember what the database has stored now."""
        self._stored |= offsets_after(split.records) | dict(split.rewind)
        for partition, offset in split.rewind.items():
            log.warning("partition.rewound", topic=partition.topic, partition=partition.partition, to=offset)
