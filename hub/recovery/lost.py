"""Use case: what DUO's broker lost after taking it is found, and its current state is sent again.

In: topics as they were last seen and as they are; the ledger. Out: one message per unit concerned, at the end of its
lane, marked `replayof`. Next: consumers.forward. A topic that has another id, or whose end went back, has lost; one
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
from hub.recovery.reading import records
from hub.restate import restate
from hub.store import lost as store
from schemas.topics import THIRTY_DAYS_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from hub.domain.restating import UnitKey
    from hub.extents import Asker, Extent
    from hub.store.lost import Queue, Sent
    from hub.store.marks import Mark
    from hub.store.pool import Connection

KEPT: Final = timedelta(milliseconds=THIRTY_DAYS_MS)
LANES_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Wound:
    """Where a topic lost something: from which offsets on by the ledger's account, and from where it is to be read."""

    floors: Mapping[int, int]
    read_from: Mapping[int, int]
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What was found lost of a queue, and sent again."""

    queue: Queue
    words: str
    messages: int
    sent_again: int


def wound(mark: Mark | None, extent: Extent) -> Wound | None:
    """Compare a topic with how it was last seen; None when it lost nothing."""
    if mark is None or mark.fits(extent):
        return None
    if mark.topic_id != extent.topic_id:
        return Wound(floors=mark.begins, read_from={}, words="the topic was made anew")
    cut = {p: extent.ends.get(p, 0) for p, end in mark.ends.items() if extent.ends.get(p, 0) < end}
    words = ", ".join(f"{p} from {mark.ends[p]} to {end}" for p, end in sorted(cut.items()))
    return Wound(floors=cut, read_from=cut, words=f"the end of partitions went back: {words}")


def whole(extent: Extent) -> Wound:
    """Doubt a topic as a whole: each message that the ledger has is looked for."""
    return Wound(floors=extent.begins, read_from=extent.begins, words="not on the topic, which was read whole")


async def send_again(
    c: Connection, asker: Asker, queue: Queue, hurt: Wound, *, now: datetime, process: int
) -> Loss | None:
    """Find what a queue lost and append the current state of the units concerned, some hundred lanes in a transaction.

    Doing it again appends nothing: a unit is concerned while its newest message is lost. None when nothing was lost.
    """
    sent = await store.unreported(c, queue, hurt.floors, now - KEPT)
    present = await _ids(asker, queue.topic, hurt.read_from) if sent else set()
    gone = [s for s in sent if _was_taken(s, hurt) and s.id not in present]
    concerned = set(_concerned(sent, gone))
    if not concerned:
        return None
    first: dict[str, int] = {}
    for each in gone:
        first.setdefault(each.brin, each.sequence)
    again, cause = 0, new_id(now)
    for units in _in_parts(queue, concerned):
        async with c.transaction():
            lost_from = {(queue.id, brin): first[brin] for _, brin, _, _ in units}
            done = await restate(c, units, cause=cause, now=now, process=process, lost_from=lost_from)
        again += len(done.appended)
    return Loss(queue=queue, words=hurt.words, messages=len(gone), sent_again=again)


async def _ids(asker: Asker, topic: str, starts: Mapping[int, int]) -> set[UUID]:
    """Read which messages are on a topic by now; the ledger was read before, so that what it has is there if it is."""
    extent = (await asker.extents([topic]))[topic]
    found: set[UUID] = set()
    async for batch in records(asker.options, topic, extent, starts):
        found.update(UUID(orjson.loads(record.value)["id"]) for record in batch if record.value)
    return found


def _was_taken(sent: Sent, hurt: Wound) -> bool:
    if sent.status is not Status.DELIVERED or sent.partition is None or sent.offset is None:
        return False
    return sent.partition in hurt.floors and sent.offset >= hurt.floors[sent.partition]


def _concerned(sent: Iterable[Sent], gone: Iterable[Sent]) -> Iterator[tuple[str, UUID, str]]:
    """Find the units whose newest message is lost: what came later about the others has the whole state."""
    newest = {each.unit: each.id for each in sent}
    return (each.unit for each in gone if newest[each.unit] == each.id)


def _in_parts(queue: Queue, units: Iterable[tuple[str, UUID, str]]) -> Iterator[Sequence[UnitKey]]:
    part: list[UnitKey] = []
    brins: set[str] = set()
    for brin, mandate, branch in sorted(units):
        if brin not in brins and len(brins) == LANES_AT_ONCE:
            yield part
            part, brins = [], set()
        brins.add(brin)
        part.append((queue.id, brin, mandate, branch))
    if part:
        yield part
