"""Where a topic that others write is read on. In: a batch. Out: what of it comes next, and what must be read before it.

The database remembers how far it was read, in the transaction that takes a batch in. A database that was restored from
a backup knows less than the group's offsets say: reading goes back to where it stands, and what is read again is known.
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
    """The part of a batch that comes next, and from where other partitions are to be read first."""

    records: Sequence[Read]
    rewind: Mapping[TopicPartition, int] = field(default_factory=dict)


class ReadPositions:
    """What this process knows of the database's account; what it knows was gone back to already."""

    def __init__(self) -> None:
        self._stored: dict[TopicPartition, int] = {}

    async def split(self, c: Connection, records: Sequence[Read]) -> BatchSplit[Read]:
        """Take what comes next and note it as read, in the transaction that takes it in.

        A place that was gone back to and still begins later has nothing there any more: it is read on.
        """
        firsts: dict[TopicPartition, int] = {}
        for record in records:
            firsts.setdefault(TopicPartition(record.topic, record.partition), record.offset)
        topic = records[0].topic
        known = await watermarks.lock_read_offsets(c, topic, {place.partition for place in firsts})
        rewind = {
            place: stored
            for place, first in firsts.items()
            if (stored := known.get(place.partition, first)) < first and self._stored.get(place) != stored
        }
        kept = [record for record in records if TopicPartition(record.topic, record.partition) not in rewind]
        if kept:
            await watermarks.write_read_offsets(
                c, topic, {place.partition: end for place, end in offsets_after(kept).items()}
            )
        return BatchSplit(records=kept, rewind=rewind)

    def committed(self, split: BatchSplit[Any]) -> None:
        """Note what the database knows now."""
        self._stored |= offsets_after(split.records) | dict(split.rewind)
        for place, offset in split.rewind.items():
            log.warning("reading.goes_back", topic=place.topic, partition=place.partition, to=offset)
