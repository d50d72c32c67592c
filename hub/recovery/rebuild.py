"""Events of the log made rows again. In: events in the order of schools and numbers. Out: rows, or what is in the way.

Nothing is read or written here. All obstacles are collected, one sentence each.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hub.domain.state_from_log import UnusableEvent, state_after
from hub.recovery.log_entries import read_event
from hub.register.write import unit_messages_json, units_json
from hub.store.recovery import PublishedPosition, RecoveredRows
from hub.store.register import EventRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from uuid import UUID

    from hub.domain.mandate import Mandate
    from hub.recovery.compare import Comparison
    from hub.recovery.log_entries import LogEntry, LoggedEvent
    from hub.store.recovery import LocalEvent

MOST_NAMED: Final = 20
RESTORE_AGAIN: Final = "Restore the backup again and run `osr-hub recover` before anything else is started"


@dataclass(slots=True)
class Obstacles:
    """What keeps the log from being read in, in words."""

    found: list[str] = field(default_factory=list)

    def words(self) -> str:
        """Return all obstacles as text, or the first of them and how many more there are."""
        more = [f"and {len(self.found) - MOST_NAMED} more"] if len(self.found) > MOST_NAMED else []
        lines = "\n".join(f"  {words}" for words in [*self.found[:MOST_NAMED], *more])
        return f"the log cannot be read in, and nothing has changed:\n{lines}"

    def add(self, entry: LogEntry, words: str) -> None:
        """Note what is wrong with a record."""
        location = f"event {entry.number} of school {entry.brin} (partition {entry.partition}, offset {entry.offset})"
        self.found.append(f"{location}: {words}")


def read_all(found: Comparison, obstacles: Obstacles) -> list[LoggedEvent]:
    """Read all that the missing records say, in the order of schools and their numbers."""
    for one, other in found.conflicting:
        obstacles.add(other, f"the log has another event of this number, at offset {one.offset}")
    events = []
    for entry in sorted(found.missing.values(), key=lambda entry: entry.key):
        try:
            events.append(read_event(entry))
        except UnusableEvent as why:
            obstacles.add(entry, str(why))
    return events


def renumber_locals(
    local: Iterable[LocalEvent], events: Iterable[LoggedEvent], obstacles: Obstacles
) -> list[tuple[LocalEvent, int]]:
    """Find the numbers that events recorded here since get, after those of the log; the log was published and wins."""
    highest: dict[str, int] = {}
    changed_services = set()
    for event in events:
        highest[event.entry.brin] = max(event.entry.number, highest.get(event.entry.brin, 0))
        changed_services.add((event.entry.brin, event.change.service_code))
    moved = []
    for one in local:
        if why := _in_the_way(one, changed_services):
            obstacles.found.append(why)
        highest[one.row.brin] += 1
        moved.append((one, highest[one.row.brin]))
    return moved


def _in_the_way(one: LocalEvent, changed_services: Collection[tuple[str, str]]) -> str | None:
    row = one.row
    what = (
        f"event {row.number} of school {row.brin} in the database is another one than on the log: {row.type} of "
        f"mandate {row.mandate_id}, version {row.mandate_version}, for {one.service_code}, recorded "
        f"{row.recorded_at:%Y-%m-%d %H:%M:%S}"
    )
    if not one.is_unpublished:
        return f"{what}, and was published too. {RESTORE_AGAIN}"
    if one.is_planned:
        return f"{what}, and was planned already, so that receivers may know of it. {RESTORE_AGAIN}"
    if (row.brin, one.service_code) in changed_services:
        return f"{what}, where the log has changes too. Write it down, and do it again afterwards. {RESTORE_AGAIN}"
    return None


def rebuild(
    events: Iterable[LoggedEvent],
    before: Mapping[UUID, Mandate],
    closed: Mapping[str, Collection[str]],
    obstacles: Obstacles,
) -> RecoveredRows:
    """Make rows of events; `before` are mandates as the database has them, `closed` the closed branches of schools."""
    mandates: dict[UUID, Mandate] = dict(before)
    changed: dict[UUID, Mandate] = {}
    recalled = RecoveredRows()
    for event in events:
        change = event.change
        try:
            after = state_after(mandates.get(change.mandate_id), change, closed.get(change.brin, ()))  # type: ignore[arg-type]
        except UnusableEvent as why:
            obstacles.add(event.entry, str(why))
            continue
        mandates[change.mandate_id] = changed[change.mandate_id] = after.mandate
        recalled.events.append(_row(event, unit_messages_json(after.messages)))
    recalled.mandates = [(mandate, units_json(mandate.units)) for mandate in changed.values()]
    return recalled


def _row(event: LoggedEvent, units: str) -> EventRow:
    change = event.change
    return EventRow(
        brin=change.brin,
        number=event.entry.number,
        recorded_at=change.recorded_at,
        id=change.id,
        mandate_id=change.mandate_id,
        mandate_version=change.mandate_version,
        type=change.kind.value,
        units=units,
        body=event.body,
        traceparent=event.traceparent,
    )


def assign_positions(entries: Iterable[LogEntry], after: int) -> tuple[list[PublishedPosition], int]:
    """Give events the positions that they had, all after `after`; return how many got another one.

    Only events under way when the database was lost may get another: no reader saw them without a position.
    Places of what is not kept any more stay empty.
    """
    found, moved, position = [], 0, after
    for entry in sorted(entries, key=lambda entry: entry.order):
        position = max(position + 1, entry.position)
        found.append(PublishedPosition(position, entry.brin, entry.number, entry.published_at))
        moved += entry.position not in (0, position)
    return found, moved
