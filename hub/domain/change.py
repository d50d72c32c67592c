"""From a wish to events: what changes for all mandates of a (school, service) when one of them changes.

In: the mandates as they shall be, and what happened to some of them. Out: one `Raised` per event, in order: first
what happened, then what follows from it for others. Next: `hub.register.record`, which writes them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.domain.coverage import compute, tell
from hub.domain.kinds import Kind
from hub.domain.mandate import next_date, state
from schemas.kinds import Change

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from hub.domain.coverage import Coverage, Message
    from hub.domain.mandate import Mandate, Unit
    from schemas.identifiers import Branch, RoutingId
    from schemas.kinds import MandateState

    Covered = tuple[tuple[Branch, RoutingId | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What happened to a mandate itself."""

    kind: Kind
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """An event, with the mandate as it is after it."""

    mandate: Mandate
    kind: Kind
    changes: tuple[Change, ...]
    state: MandateState
    covered: Covered
    """Every branch it covers, or at its end last covered, with the routing characteristic; null in the rest."""
    messages: tuple[Message, ...]


GRANT = Act(kind=Kind.GRANTED, changes=(Change.GRANTED,))
WITHDRAWAL = Act(kind=Kind.WITHDRAWN, changes=(Change.WITHDRAWN,))
_CONSEQUENCE = Act(kind=Kind.AMENDED)


def settle(
    mandates: Sequence[Mandate], acts: Mapping[UUID, Act], branches: Sequence[Branch], *, now: datetime, today: date
) -> list[Raised]:
    """Compute what follows when `acts` happened to these mandates, all of one (school, service).

    `branches` are the school's open branches in order. A mandate without an act is raised as `amended` when its
    units changed, or when its rest may be told at last.
    """
    coverage = compute(mandates, branches, today)
    raised = (
        _raise(mandate, acts.get(mandate.id), coverage.get(mandate.id), now, today)
        for mandate in sorted(mandates, key=lambda mandate: mandate.id not in acts)
    )
    return [event for event in raised if event is not None]


def arrive(
    mandates: Sequence[Mandate], branches: Sequence[Branch], *, now: datetime, today: date
) -> tuple[list[Mandate], list[Raised]]:
    """Let the dates up to `today` arrive, day by day as they lay: `started` and `expired`, and what follows.

    Returns the mandates after it, in the order given, and the events.
    """
    current = {mandate.id: mandate for mandate in mandates}
    raised: list[Raised] = []
    while (day := _first_due(current.values(), today)) is not None:
        acts = {mandate.id: _arrival(mandate) for mandate in current.values() if mandate.next_date == day}
        ends_first = sorted(current.values(), key=lambda mandate: mandate.id in acts and mandate.start_date == day)
        events = settle(ends_first, acts, branches, now=now, today=day)
        current.update((event.mandate.id, event.mandate) for event in events)
        raised += events
    return list(current.values()), raised


def _first_due(mandates: Iterable[Mandate], today: date) -> date | None:
    days = (mandate.next_date for mandate in mandates if mandate.next_date is not None)
    return min((day for day in days if day <= today), default=None)


def _arrival(mandate: Mandate) -> Act:
    return Act(kind=Kind.STARTED if mandate.next_date == mandate.start_date else Kind.EXPIRED)


def _raise(mandate: Mandate, act: Act | None, after: Coverage | None, now: datetime, today: date) -> Raised | None:
    happened = act or _CONSEQUENCE
    telling = tell(mandate.units, after, happened.kind)
    if act is None and telling.units == mandate.units:
        return None
    return Raised(
        mandate=replace(
            mandate,
            version=mandate.version + 1,
            units=telling.units,
            next_date=next_date(mandate, today),
            updated_at=now,
        ),
        kind=happened.kind,
        changes=_changes(act, mandate.units, telling.units),
        state=state(mandate, today),
        covered=covered(telling.units),
        messages=telling.messages,
    )


def _changes(act: Act | None, before: Sequence[Unit], after: Sequence[Unit]) -> tuple[Change, ...]:
    if act is None:
        return (Change.BRANCHES,)
    if act is GRANT or {b for b, _ in covered(before)} == {b for b, _ in covered(after)}:
        return act.changes
    return (*act.changes, Change.BRANCHES)


def covered(units: Sequence[Unit]) -> Covered:
    """List the branches of units in order, each with its routing characteristic."""
    if len(units) == 1:
        unit = units[0]
        return tuple((branch, unit.routing) for branch in unit.covers)
    return tuple(sorted((branch, unit.routing) for unit in units for branch in unit.covers))
