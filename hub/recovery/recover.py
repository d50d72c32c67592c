"""Use case: what the log has and the database lost is recorded again, as it was.

In: the published log, and a database restored from a backup, while no relay publishes. Out: mandates, events and
published positions as they were, in one transaction; a higher `ledgerepoch`. Next: consumers.planning, which computes
the same ids again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from hub import faults
from hub.errors import CannotRecover
from hub.imports import no_progress
from hub.recovery import rebuild
from hub.recovery.aged_out import count_aged_out, split_aged_out
from hub.recovery.compare import compare
from hub.recovery.register import (
    BranchChanges,
    RegisterAdditions,
    add_missing,
    apply_branch_changes,
    closed_branches,
    find_branch_changes,
)
from hub.store import audit, ledger, published_events, recovery, register, watermarks
from hub.store.audit import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hub.imports import Progress
    from hub.recovery.compare import Comparison
    from hub.recovery.log_entries import LoggedEvent
    from hub.store.pool import Connection
    from hub.store.recovery import LocalEvent, RecoveredRows

NEVER: Final = date.min


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryRequest:
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
class RecoveryResult:
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
    """Got another position than stands on the log."""
    strange: int = 0
    """Records that are no events of this hub."""
    made: RegisterAdditions = field(default_factory=RegisterAdditions)
    turned: BranchChanges = field(default_factory=BranchChanges)
    epoch: int | None = None


async def recover(
    c: Connection, options: Mapping[str, Any], order: RecoveryRequest, progress: Progress = no_progress
) -> RecoveryResult:
    """Bring the database to where the log is; the caller makes sure that no publisher runs.

    Whatever kills it leaves nothing behind, and a second time changes nothing. Raises `CannotRecover` with all that is
    in the way, and aiokafka's `KafkaError`.
    """
    found = await compare(c, options, order.topic, whole=True, progress=_with_fault(progress))
    if not (found.missing or found.outbox or order.new_epoch):
        return RecoveryResult(strange=found.strange)
    transaction = c.transaction()
    await transaction.start()
    try:
        done = await _import_events(c, found, order)
    except BaseException:
        await transaction.rollback()
        raise
    faults.here("recover.writing")
    await (transaction.rollback() if order.dry_run else transaction.commit())
    faults.here("recover.committed")
    return done


def _with_fault(progress: Progress) -> Progress:
    """Tell how far the log was read, and be somewhere where a test lets the process die."""

    def pass_by(done: int, total: int) -> None:
        progress(done, total)
        faults.here("recover.reading")

    return pass_by


async def _import_events(c: Connection, found: Comparison, order: RecoveryRequest) -> RecoveryResult:
    obstacles = rebuild.Obstacles()
    events, old = split_aged_out(rebuild.read_all(found, obstacles), order.forgotten_before)
    made, moved, gaps = await _lock_and_renumber(c, events, old, obstacles)
    rows, branch_changes = await _rebuild(c, events, order.today, obstacles)
    if obstacles.found:
        raise CannotRecover(obstacles.words())
    await _record(c, rows, moved, branch_changes, order.today)
    displaced = await _write_positions(c, found, old, gaps)
    done = RecoveryResult(
        events=len(rows.events),
        first=min((row.recorded_at for row in rows.events), default=None),
        last=max((row.recorded_at for row in rows.events), default=None),
        mandates=len(rows.mandates),
        published=len(found.outbox),
        renumbered=len(moved),
        left_out=len(old),
        displaced=displaced,
        strange=found.strange,
        made=made,
        turned=branch_changes,
        epoch=await ledger.raise_epoch(c),
    )
    await _write_audit(c, found, order, done)
    return done


async def _record(
    c: Connection,
    rows: RecoveredRows,
    moved: Sequence[tuple[LocalEvent, int]],
    branch_changes: BranchChanges,
    today: date,
) -> None:
    await recovery.renumber(c, moved)
    await recovery.write(c, rows)
    await recovery.write_events(c, [event.row._replace(number=number) for event, number in moved])
    await apply_branch_changes(c, branch_changes, today)
    faults.here("recover.recording")


async def _write_positions(
    c: Connection, found: Comparison, old: Sequence[LoggedEvent], gaps: Mapping[str, int]
) -> int:
    last = await published_events.last_position(c)
    passed = {event.entry.key for event in old}
    entries = [entry for entry in found.missing.values() if entry.key not in passed]
    positions, displaced = rebuild.assign_positions([*entries, *found.outbox.values()], last)
    await recovery.write_positions(c, positions)
    await recovery.leave_out(c, gaps, positions[-1].position - last - len(positions) if positions else 0)
    return displaced


async def _lock_and_renumber(
    c: Connection, events: Sequence[LoggedEvent], old: Sequence[LoggedEvent], obstacles: rebuild.Obstacles
) -> tuple[RegisterAdditions, list[tuple[LocalEvent, int]], Mapping[str, int]]:
    """Lock the schools and check that their numbers continue.

    Returns what was made, what gets other numbers, and how many numbers of schools are of what is not kept any more.
    """
    brins = {event.change.brin for event in events}
    schools = await register.lock_schools(c, brins)
    await recovery.lock_planning(c, brins)
    everything = sorted([*events, *old], key=lambda event: event.entry.key)
    gaps = count_aged_out(everything, {brin: school.counter for brin, school in schools.items()}, obstacles)
    moved = rebuild.renumber_locals(await recovery.local_events(c, _first_numbers(everything)), events, obstacles)
    gaps.update(event.entry.brin for event in old)
    return await add_missing(c, events, obstacles), moved, gaps


async def _rebuild(
    c: Connection, events: Sequence[LoggedEvent], today: date, obstacles: rebuild.Obstacles
) -> tuple[RecoveredRows, BranchChanges]:
    """Make rows of events, and find the branches that closed or opened meanwhile."""
    schools = await register.read_schools(c, {event.change.brin for event in events})
    before = await recovery.mandates(c, {event.change.mandate_id for event in events})
    living = {mandate.id: mandate for mandate in await register.living_mandates(c, schools, today)}
    first = rebuild.rebuild(events, before, closed_branches(schools, today, ()), obstacles)
    living.update((mandate.id, mandate) for mandate, _ in first.mandates)
    branch_changes = find_branch_changes(schools, living.values(), today)
    if not branch_changes.closed or obstacles.found:
        return first, branch_changes
    return rebuild.rebuild(
        events, before, closed_branches(schools, today, branch_changes.closed), obstacles
    ), branch_changes


def _first_numbers(events: Sequence[LoggedEvent]) -> dict[str, int]:
    first: dict[str, int] = {}
    for event in events:
        first.setdefault(event.entry.brin, event.entry.number)
    return first


async def _write_audit(c: Connection, found: Comparison, order: RecoveryRequest, done: RecoveryResult) -> None:
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
        c, AuditEntry(at=order.at, actor=order.actor, action="hub.recovered", subject=subject, reason=order.reason)
    )
    await watermarks.write(c, order.topic, found.topic_offsets, order.at)
