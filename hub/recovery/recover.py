"""Use case: what the log has and the database lost is recorded again, as it was.

In: the published log, a database that was restored from a backup, nobody who publishes. Out: mandates, events and the
feed as they were, in one transaction; a higher `ledgerepoch`. Next: consumers.plan, which computes the same ids again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from hub import faults
from hub.errors import CannotRecover
from hub.imports import silent
from hub.recovery import rebuild
from hub.recovery.bygone import left_out, pass_over
from hub.recovery.compare import compare
from hub.recovery.register import Made, Turned, closed_branches, complete, turn, turned
from hub.store import audit, log, marks, recovery, register
from hub.store.audit import Note

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hub.imports import Progress
    from hub.recovery.compare import Comparison
    from hub.recovery.stamps import LoggedEvent
    from hub.store.pool import Connection
    from hub.store.recovery import LocalEvent, Recalled

NEVER: Final = date.min


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be done, when and by whom; `new_epoch` lets the ledger's number rise also when nothing is missing."""

    topic: str
    at: datetime
    today: date
    actor: str
    reason: str
    forgotten_before: date = NEVER
    """Mandates that were over before this day are not brought in."""
    dry_run: bool = False
    new_epoch: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What was brought in, or would be."""

    events: int = 0
    mandates: int = 0
    first: datetime | None = None
    """When the first of these events was recorded, and `last` the last; None when there is none."""
    last: datetime | None = None
    published: int = 0
    """Were still to be published by the database's account, and had been."""
    renumbered: int = 0
    """Were recorded here since, and got numbers after those of the log."""
    left_out: int = 0
    """Are of mandates that were over so long ago that nothing of them is kept."""
    displaced: int = 0
    """Got another place in the feed than stands on the log."""
    strange: int = 0
    """Records that are no events of this hub."""
    made: Made = field(default_factory=Made)
    turned: Turned = field(default_factory=Turned)
    epoch: int | None = None


async def recover(c: Connection, options: Mapping[str, Any], order: Order, progress: Progress = silent) -> Recovered:
    """Bring the database to where the log is; the caller sees to it that nobody publishes meanwhile.

    Whatever kills it leaves nothing behind, and a second time changes nothing. Raises `CannotRecover` with all that is
    in the way, and aiokafka's `KafkaError`.
    """
    found = await compare(c, options, order.topic, whole=True, progress=_noted(progress))
    if not (found.missing or found.errands or order.new_epoch):
        return Recovered(strange=found.strange)
    transaction = c.transaction()
    await transaction.start()
    try:
        done = await _bring_in(c, found, order)
    except BaseException:
        await transaction.rollback()
        raise
    faults.here("recover.writing")
    await (transaction.rollback() if order.dry_run else transaction.commit())
    faults.here("recover.committed")
    return done


def _noted(progress: Progress) -> Progress:
    """Tell how far the log was read, and be somewhere where a test lets the process die."""

    def pass_by(done: int, total: int) -> None:
        progress(done, total)
        faults.here("recover.reading")

    return pass_by


async def _bring_in(c: Connection, found: Comparison, order: Order) -> Recovered:
    obstacles = rebuild.Obstacles()
    events, old = pass_over(rebuild.read_all(found, obstacles), order.forgotten_before)
    made, moved, gaps = await _make_room(c, events, old, obstacles)
    recalled, turning = await _recall(c, events, order.today, obstacles)
    if obstacles.found:
        raise CannotRecover(obstacles.words())
    await _record(c, recalled, moved, turning, order.today)
    displaced = await _give_places(c, found, old, gaps)
    done = Recovered(
        events=len(recalled.events),
        first=min((row.recorded_at for row in recalled.events), default=None),
        last=max((row.recorded_at for row in recalled.events), default=None),
        mandates=len(recalled.mandates),
        published=len(found.errands),
        renumbered=len(moved),
        left_out=len(old),
        displaced=displaced,
        strange=found.strange,
        made=made,
        turned=turning,
        epoch=await recovery.raise_epoch(c),
    )
    await _close(c, found, order, done)
    return done


async def _record(
    c: Connection, recalled: Recalled, moved: Sequence[tuple[LocalEvent, int]], turning: Turned, today: date
) -> None:
    await recovery.renumber(c, moved)
    await recovery.write(c, recalled)
    await recovery.write_events(c, [replace(event.row, number=number) for event, number in moved])
    await turn(c, turning, today)
    faults.here("recover.recording")


async def _give_places(c: Connection, found: Comparison, old: Sequence[LoggedEvent], gaps: Mapping[str, int]) -> int:
    last = await log.last_position(c)
    passed = {event.stamp.key for event in old}
    stamps = [stamp for stamp in found.missing.values() if stamp.key not in passed]
    places, displaced = rebuild.places([*stamps, *found.errands.values()], last)
    await recovery.write_feed(c, places)
    await recovery.leave_out(c, gaps, places[-1].position - last - len(places) if places else 0)
    return displaced


async def _make_room(
    c: Connection, events: Sequence[LoggedEvent], old: Sequence[LoggedEvent], obstacles: rebuild.Obstacles
) -> tuple[Made, list[tuple[LocalEvent, int]], Mapping[str, int]]:
    """Hold the schools and see to it that their numbers go on.

    Returns what was made, what gets other numbers, and how many numbers of schools are of what is not kept any more.
    """
    brins = {event.told.brin for event in events}
    schools = await register.lock_schools(c, brins)
    await recovery.hold_plans(c, brins)
    everything = sorted([*events, *old], key=lambda event: event.stamp.key)
    gaps = left_out(everything, {brin: school.counter for brin, school in schools.items()}, obstacles)
    moved = rebuild.check_locals(await recovery.local_events(c, _first_numbers(everything)), events, obstacles)
    gaps.update(event.stamp.brin for event in old)
    return await complete(c, events, obstacles), moved, gaps


async def _recall(
    c: Connection, events: Sequence[LoggedEvent], today: date, obstacles: rebuild.Obstacles
) -> tuple[Recalled, Turned]:
    """Make rows of events, and find the branches that closed or opened meanwhile."""
    schools = await register.read_schools(c, {event.told.brin for event in events})
    before = await recovery.mandates(c, {event.told.mandate_id for event in events})
    living = {mandate.id: mandate for mandate in await register.living_mandates(c, schools, today)}
    first = rebuild.rebuild(events, before, closed_branches(schools, today, ()), obstacles)
    living.update((mandate.id, mandate) for mandate, _ in first.mandates)
    turning = turned(schools, living.values(), today)
    if not turning.closed or obstacles.found:
        return first, turning
    return rebuild.rebuild(events, before, closed_branches(schools, today, turning.closed), obstacles), turning


def _first_numbers(events: Sequence[LoggedEvent]) -> dict[str, int]:
    first: dict[str, int] = {}
    for event in events:
        first.setdefault(event.stamp.brin, event.stamp.number)
    return first


async def _close(c: Connection, found: Comparison, order: Order, done: Recovered) -> None:
    """Note in the audit what was done, and how far the log is known now."""
    subject = {
        "events": done.events,
        "mandates": done.mandates,
        "published": done.published,
        "renumbered": done.renumbered,
        "leftOut": done.left_out,
        "ledgerEpoch": done.epoch,
    }
    await audit.write(
        c, Note(at=order.at, actor=order.actor, action="hub.recovered", subject=subject, reason=order.reason)
    )
    await marks.write(c, order.topic, found.extent, order.at)
