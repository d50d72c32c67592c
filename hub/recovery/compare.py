"""Compare the published log with the database. In: both. Out: what only one of them has; nothing is changed.

Normally only what was published since the last check is read. A topic that was never checked, was recreated, or lost
something from its end is read whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aiokafka.errors import UnknownTopicOrPartitionError

from hub.errors import LogIsAhead
from hub.imports import no_progress
from hub.kafka.offsets import read_topic_offsets
from hub.recovery.log_entries import LogEntry, read_entry
from hub.recovery.topic_reader import read_records
from hub.store import recovery, watermarks

MOST_ROWS: Final = 1000

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from uuid import UUID

    from aiokafka import ConsumerRecord

    from hub.envelopes import LogRow
    from hub.imports import Progress
    from hub.kafka.offsets import TopicOffsets
    from hub.store.pool import Connection

    Key = tuple[str, int]


@dataclass(slots=True)
class SeenEvents:
    """Which events were seen on the log: per school through which number, and those beyond it."""

    through: dict[str, int] = field(default_factory=dict)
    beyond: set[Key] = field(default_factory=set)

    def add(self, key: Key) -> None:
        """Add one."""
        brin, number = key
        reached = self.through.get(brin, 0)
        if number > reached + 1:
            self.beyond.add(key)
        elif number == reached + 1:
            while (brin, number + 1) in self.beyond:
                number += 1
                self.beyond.discard((brin, number))
            self.through[brin] = number

    def __contains__(self, key: Key) -> bool:
        return key[1] <= self.through.get(key[0], 0) or key in self.beyond


@dataclass(slots=True, kw_only=True)
class Comparison:
    """What differs."""

    topic_offsets: TopicOffsets
    is_whole: bool
    """Whether all of the log was read, and not only what was published since the last look."""
    missing: dict[Key, LogEntry] = field(default_factory=dict)
    """On the log, and not in the database."""
    outbox: dict[Key, LogEntry] = field(default_factory=dict)
    """On the log, and to be published by the database's account."""
    conflicting: list[tuple[LogEntry, LogEntry]] = field(default_factory=list)
    """Two events under one number, both on the log."""
    seen: SeenEvents = field(default_factory=SeenEvents)
    strange: int = 0
    """Records that are no events of this hub."""

    def raise_if_ahead(self) -> None:
        """Raise `LogIsAhead` when the log has what the database does not have."""
        if self.missing:
            first = min(self.missing.values(), key=lambda entry: entry.order)
            raise LogIsAhead(
                f"the published log has {len(self.missing)} events that the database does not have, from number "
                f"{first.number} of school {first.brin} on: the database was restored from a backup",
                next_step="Nothing is published, planned or raised by dates until `osr-hub recover` has read them in.",
            )


async def compare(
    c: Connection, options: Mapping[str, Any], topic: str, *, whole: bool = False, progress: Progress = no_progress
) -> Comparison:
    """Compare the log with the database; raises aiokafka's `KafkaError`, also when the topic does not exist."""
    topic_offsets = (await read_topic_offsets(options, [topic])).get(topic)
    if topic_offsets is None:
        raise UnknownTopicOrPartitionError(f"{topic} does not exist: run `osr-hub topics`")
    mark = await watermarks.read(c, topic)
    is_whole = whole or mark is None or not mark.matches(topic_offsets)
    starts = {} if is_whole or mark is None else mark.ends
    found = Comparison(topic_offsets=topic_offsets, is_whole=is_whole)
    total = sum(end - max(starts.get(part, 0), topic_offsets.begins[part]) for part, end in topic_offsets.ends.items())
    outbox = await recovery.outbox_ids(c) if total else {}
    done = 0
    async for batch in read_records(options, topic, topic_offsets, starts):
        await _take(c, batch, found, outbox)
        done += len(batch)
        progress(done, max(done, total))
    return found


async def _take(
    c: Connection, batch: Sequence[ConsumerRecord[bytes, bytes]], found: Comparison, outbox: Mapping[Key, UUID]
) -> None:
    entries = [entry for record in batch if (entry := read_entry(record)) is not None]
    found.strange += len(batch) - len(entries)
    known = await recovery.known(c, list({entry.key for entry in entries}))
    for entry in entries:
        here = known[entry.key]
        if here.id == entry.id:
            found.seen.add(entry.key)
            if entry.key in outbox:
                found.outbox[entry.key] = entry
        elif here.id is not None or entry.number > here.counter:
            _miss(entry, found)
        else:
            found.seen.add(entry.key)  # it was here, and is not kept any more


def _miss(entry: LogEntry, found: Comparison) -> None:
    """Record what the database does not have; of a repeat the last one has the stored position."""
    before = found.missing.get(entry.key)
    if before is not None and before.id != entry.id:
        found.conflicting.append((before, entry))
    else:
        found.missing[entry.key] = entry


async def read_missing(c: Connection, found: Comparison) -> AsyncIterator[Sequence[tuple[int, LogRow]]]:
    """Yield what was published and is lost from the log, with positions, in order; nothing unless all was read."""
    position = 0
    while found.is_whole and (rows := await recovery.published(c, position, MOST_ROWS)):
        position = rows[-1][0]
        lost = [(position, row) for position, row in rows if (row.brin, row.number) not in found.seen]
        if lost:
            yield lost
