"""Events of the log made rows again. In: events in the order of schools and numbers. Out: rows, or what is in the way.

Nothing is read or written here. What is in the way is told whole, one sentence each.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hub.domain.recall import CannotBeRecalled, recall
from hub.recovery.stamps import read_event
from hub.register.record import write_told, write_units
from hub.store.recovery import EventRow, Place, Recalled

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from uuid import UUID

    from hub.domain.mandate import Mandate
    from hub.recovery.compare import Comparison
    from hub.recovery.stamps import LoggedEvent, Stamp
    from hub.store.recovery import LocalEvent

MOST_NAMED: Final = 20
RESTORE_AGAIN: Final = "Restore the backup again and run `osr-hub recover` before anything else is started"


@dataclass(slots=True)
class Obstacles:
    """What keeps the log from being read in, in words."""

    found: list[str] = field(default_factory=list)

    def words(self) -> str:
        """Say all of it, or the first part of it and how much more there is."""
        more = [f"and {len(self.found) - MOST_NAMED} more"] if len(self.found) > MOST_NAMED else []
        lines = "\n".join(f"  {words}" for words in [*self.found[:MOST_NAMED], *more])
        return f"the log cannot be read in, and nothing has changed:\n{lines}"

    def add(self, stamp: Stamp, words: str) -> None:
        """Note what is wrong with a record."""
        place = f"event {stamp.number} of school {stamp.brin} (partition {stamp.partition}, offset {stamp.offset})"
        self.found.append(f"{place}: {words}")


def read_all(found: Comparison, obstacles: Obstacles) -> list[LoggedEvent]:
    """Read all that the missing records say, in the order of schools and their numbers."""
    for one, other in found.doubled:
        obstacles.add(other, f"the log has another event of this number, at offset {one.offset}")
    events = []
    for stamp in sorted(found.missing.values(), key=lambda stamp: stamp.key):
        try:
            events.append(read_event(stamp))
        except CannotBeRecalled as why:
            obstacles.add(stamp, str(why))
    return events


def check_locals(
    local: Iterable[LocalEvent], events: Iterable[LoggedEvent], obstacles: Obstacles
) -> list[tuple[LocalEvent, int]]:
    """Find the numbers that events recorded here since get, after those of the log; the log was published and wins."""
    highest: dict[str, int] = {}
    spoken = set()
    for event in events:
        highest[event.stamp.brin] = max(event.stamp.number, highest.get(event.stamp.brin, 0))
        spoken.add((event.stamp.brin, event.told.service_code))
    moved = []
    for one in local:
        if why := _in_the_way(one, spoken):
            obstacles.found.append(why)
        highest[one.row.brin] += 1
        moved.append((one, highest[one.row.brin]))
    return moved


def _in_the_way(one: LocalEvent, spoken: Collection[tuple[str, str]]) -> str | None:
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
    if (row.brin, one.service_code) in spoken:
        return f"{what}, where the log has changes too. Note it, and press it again afterwards. {RESTORE_AGAIN}"
    return None


def rebuild(
    events: Iterable[LoggedEvent],
    before: Mapping[UUID, Mandate],
    closed: Mapping[str, Collection[str]],
    obstacles: Obstacles,
) -> Recalled:
    """Make rows of events; `before` are mandates as the database has them, `closed` the closed branches of schools."""
    mandates: dict[UUID, Mandate] = dict(before)
    changed: dict[UUID, Mandate] = {}
    recalled = Recalled()
    for event in events:
        told = event.told
        try:
            after = recall(mandates.get(told.mandate_id), told, closed.get(told.brin, ()))  # type: ignore[arg-type]
        except CannotBeRecalled as why:
            obstacles.add(event.stamp, str(why))
            continue
        mandates[told.mandate_id] = changed[told.mandate_id] = after.mandate
        recalled.events.append(_row(event, write_told(after.messages)))
    recalled.mandates = [(mandate, write_units(mandate.units)) for mandate in changed.values()]
    return recalled


def _row(event: LoggedEvent, units: str) -> EventRow:
    told = event.told
    return EventRow(
        brin=told.brin,
        number=event.stamp.number,
        recorded_at=told.recorded_at,
        id=told.id,
        mandate_id=told.mandate_id,
        mandate_version=told.mandate_version,
        type=told.kind.value,
        units=units,
        body=event.body,
        traceparent=event.traceparent,
    )


def places(stamps: Iterable[Stamp], after: int) -> tuple[list[Place], int]:
    """Give events the places that they had, all of them after `after`; returns how many got another one.

    Only what was under way when the database went may get another: nobody read it from the feed before it had a place.
    Places of what is not kept any more stay empty.
    """
    found, moved, position = [], 0, after
    for stamp in sorted(stamps, key=lambda stamp: stamp.order):
        position = max(position + 1, stamp.position)
        found.append(Place(position, stamp.brin, stamp.number, stamp.published_at))
        moved += stamp.position not in (0, position)
    return found, moved
