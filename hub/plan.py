"""Use case: new events of schools become deliveries.

In: the BRINs of a batch of records. Out: rows of `deliveries` and lanes that are due. Next: consumers.forwarding.
Everything comes from Postgres: a record that comes twice, late or without a new event plans nothing twice.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub import faults
from hub.domain import planning
from hub.domain.ids import lowest_at
from hub.store import plans

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.domain.planning import EventToPlan, Planned
    from hub.store.pool import Connection

MOST_EVENTS_PER_SCHOOL: Final = 500
RECENT: Final = timedelta(minutes=4)


@dataclass(frozen=True, slots=True)
class PlanResult:
    """What one transaction planned, the schools that have more to plan, and those that the register does not know."""

    planned: Sequence[Planned]
    unfinished: frozenset[str]
    unknown: frozenset[str]


async def plan(c: Connection, schools: Mapping[str, datetime | None], now: datetime, process: int) -> PlanResult:
    """Plan all new events of these schools; the value is when the first record of each was published, if known.

    The caller owns the transaction. Schools are locked in key order, then destinations whose news is old, then lanes.
    """
    unplanned = await plans.lock_unplanned(c, list(schools), MOST_EVENTS_PER_SCHOOL)
    if not unplanned.events:
        return PlanResult((), frozenset(), unplanned.unknown)
    planned = list(planning.plan_deliveries(unplanned.events, unplanned.directory))
    published = {brin: at for brin, at in schools.items() if at is not None}
    through = {event.brin: event.number for event in unplanned.events}
    await append(c, planned, now=now, process=process, published=published, through=through)
    faults.here("plan.writing")
    return PlanResult(planned, _unfinished(unplanned.events), unplanned.unknown)


async def append(
    c: Connection,
    planned: Sequence[Planned],
    *,
    now: datetime,
    process: int,
    published: Mapping[str, datetime] | None = None,
    through: Mapping[str, int] | None = None,
) -> None:
    """Put deliveries at the end of their lanes, in the order given, and count them.

    `published` is when the record of a school was published, `through` the number up to which it is planned now.
    """
    old = _oldest(planned, lowest_at(now - RECENT))
    if old:
        await plans.lower_open_from(c, old)
    await plans.append_deliveries(
        c, planned, planned_at=now, process=process, published=published or {}, through=through or {}
    )


def _oldest(planned: Iterable[Planned], recent: UUID) -> dict[int, UUID]:
    oldest: dict[int, UUID] = {}
    for p in planned:
        if p.result is None and p.id < oldest.get(p.destination.id, recent):
            oldest[p.destination.id] = p.id
    return oldest


def _unfinished(events: Iterable[EventToPlan]) -> frozenset[str]:
    counts = Counter(event.brin for event in events)
    return frozenset(brin for brin, n in counts.items() if n >= MOST_EVENTS_PER_SCHOOL)
