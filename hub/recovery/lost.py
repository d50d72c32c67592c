"""Use case: what DUO's broker lost after taking it is found, and its current state is sent again.

In: topics as they were last seen and as they are; the ledger. Out: one message per unit concerned, at the end of its
lane, marked `replayof`. Next: consumers.forwarding. A topic that has another id, or whose end went back, has lost; one
whose beginning moved has only grown old.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

import orjson

from hub.domain.delivery import Status
from hub.domain.ids import new_id
from hub.domain.keys import LaneKey
from hub.operations.restate import restate
from hub.recovery.topic_reader import read_records
from hub.store import lost as store
from schemas.topics import THIRTY_DAYS_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from hub.domain.restating import UnitKey
    from hub.kafka.offsets import OffsetClient, TopicOffsets
    from hub.store.lost import Queue, Sent
    from hub.store.pool import Connection
    from hub.store.watermarks import Watermark

TOPIC_RETENTION: Final = timedelta(milliseconds=THIRTY_DAYS_MS)
LANES_PER_TRANSACTION: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class LostRange:
    """Where a topic lost something: from which offsets on by the ledger's account, and from where it is to be read."""

    floors: Mapping[int, int]
    read_from: Mapping[int, int]
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LossReport:
    """What was found lost of a queue, and sent again."""

    queue: Queue
    words: str
    messages: int
    sent_again: int


def find_lost_range(mark: Watermark | None, topic_offsets: TopicOffsets) -> LostRange | None:
    """Compare a topic with how it was last seen; None when it lost nothing."""
    if mark is None or mark.matches(topic_offsets):
        return None
    if mark.topic_id != topic_offsets.topic_id:
        return LostRange(floors=mark.begins, read_from={}, words="the topic was recreated")
    cut = {p: topic_offsets.ends.get(p, 0) for p, end in mark.ends.items() if topic_offsets.ends.get(p, 0) < end}
    words = ", ".join(f"{p} from {mark.ends[p]} to {end}" for p, end in sorted(cut.items()))
    return LostRange(floors=cut, read_from=cut, words=f"the end of partitions went back: {words}")


def whole_topic(topic_offsets: TopicOffsets) -> LostRange:
    """Doubt a topic as a whole: each message that the ledger has is looked for."""
    return LostRange(
        floors=topic_offsets.begins, read_from=topic_offsets.begins, words="not on the topic, which was read whole"
    )


async def resend_lost(
    c: Connection, offset_client: OffsetClient, queue: Queue, lost_range: LostRange, *, now: datetime, process: int
) -> LossReport | None:
    """Find what a queue lost and append the current state of the units concerned, some hundred lanes in a transaction.

    Doing it again appends nothing: a unit is concerned while its newest message is lost. None when nothing was lost.
    """
    sent = await store.unreported(c, queue, lost_range.floors, now - TOPIC_RETENTION)
    present = await _ids(offset_client, queue.topic, lost_range.read_from) if sent else set()
    gone = [s for s in sent if _was_taken(s, lost_range) and s.id not in present]
    concerned = set(_affected_units(sent, gone))
    if not concerned:
        return None
    first: dict[str, int] = {}
    for each in gone:
        first.setdefault(each.brin, each.sequence)
    again, cause = 0, new_id(now)
    for units in _in_portions(queue, concerned):
        async with c.transaction():
            lost_from = {LaneKey(queue.id, brin): first[brin] for _, brin, _, _ in units}
            done = await restate(c, units, cause=cause, now=now, process=process, lost_from=lost_from)
        again += len(done.appended)
    return LossReport(queue=queue, words=lost_range.words, messages=len(gone), sent_again=again)


async def _ids(offset_client: OffsetClient, topic: str, starts: Mapping[int, int]) -> set[UUID]:
    """Read which messages are on a topic by now; the ledger was read before, so that what it has is there if it is."""
    topic_offsets = (await offset_client.read_topic_offsets([topic]))[topic]
    found: set[UUID] = set()
    async for batch in read_records(offset_client.options, topic, topic_offsets, starts):
        found.update(UUID(orjson.loads(record.value)["id"]) for record in batch if record.value)
    return found


def _was_taken(sent: Sent, lost_range: LostRange) -> bool:
    if sent.status is not Status.DELIVERED or sent.partition is None or sent.offset is None:
        return False
    return sent.partition in lost_range.floors and sent.offset >= lost_range.floors[sent.partition]


def _affected_units(sent: Iterable[Sent], gone: Iterable[Sent]) -> Iterator[tuple[str, UUID, str]]:
    """Find the units whose newest message is lost: what came later about the others has the whole state."""
    newest = {each.unit: each.id for each in sent}
    return (each.unit for each in gone if newest[each.unit] == each.id)


def _in_portions(queue: Queue, units: Iterable[tuple[str, UUID, str]]) -> Iterator[Sequence[UnitKey]]:
    part: list[UnitKey] = []
    brins: set[str] = set()
    for brin, mandate, branch in sorted(units):
        if brin not in brins and len(brins) == LANES_PER_TRANSACTION:
            yield part
            part, brins = [], set()
        brins.add(brin)
        part.append((queue.id, brin, mandate, branch))
    if part:
        yield part
