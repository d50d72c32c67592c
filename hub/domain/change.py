"""Derive events: what changes for all mandates of a (school, service) when one of them changes.

In: the mandates after the change, and its causes. Out: one `NewEvent` per event, in order: first those of the causes,
then those that follow for other mandates. Next: `hub.register.write`, which writes them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.domain.coverage import compute, update_coverage
from hub.domain.kinds import Kind
from hub.domain.mandate import next_date, state
from schemas.kinds import Change

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from hub.domain.coverage import Coverage, UnitChange
    from hub.domain.mandate import Mandate, Unit
    from schemas.identifiers import Branch, RoutingId
    from schemas.kinds import MandateState

    CoveredBranches = tuple[tuple[Branch, RoutingId | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCause:
    """Why a mandate itself changed."""

    kind: Kind
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event, with the mandate as it is after it."""

    mandate: Mandate
    kind: Kind
    changes: tuple[Change, ...]
    state: MandateState
    covered_branches: CoveredBranches
    """Every branch it covers, or at its end last covered, with the routing characteristic; null in the rest."""
    messages: tuple[UnitChange, ...]


GRANT = ChangeCause(kind=Kind.GRANTED, changes=(Change.GRANTED,))
WITHDRAWAL = ChangeCause(kind=Kind.WITHDRAWN, changes=(Change.WITHDRAWN,))
_CONSEQUENCE = ChangeCause(kind=Kind.AMENDED)


def derive_events(
    mandates: Sequence[Mandate],
    causes: Mapping[UUID, ChangeCause],
    branches: Sequence[Branch],
    *,
    now: datetime,
    today: date,
) -> list[NewEvent]:
    """Derive the events of `causes` for these mandates, all of one (school, service).

    `branches` are the school's open branches in order. A mandate without a cause has an
    `amended` event when its units changed, or when its rest may be sent at last.
    """
    coverage = compute(mandates, branches, today)
    new_events = (
        _event(mandate, causes.get(mandate.id), coverage.get(mandate.id), now, today)
        for mandate in sorted(mandates, key=lambda mandate: mandate.id not in causes)
    )
    return [event for event in new_events if event is not None]


def apply_dates(
    mandates: Sequence[Mandate], branches: Sequence[Branch], *, now: datetime, today: date
) -> tuple[list[Mandate], list[NewEvent]]:
    """Apply the dates up to `today`, day by day: `started` and `expired`, and what follows.

    Returns the mandates after it, in the order given, and the events.
    """
    current = {mandate.id: mandate for mandate in mandates}
    new_events: list[NewEvent] = []
    while (day := _first_due(current.values(), today)) is not None:
        causes = {mandate.id: _date_cause(mandate) for mandate in current.values() if mandate.next_date == day}
        ends_first = sorted(current.values(), key=lambda mandate: mandate.id in causes and mandate.start_date == day)
        events = derive_events(ends_first, causes, branches, now=now, today=day)
        current.update((event.mandate.id, event.mandate) for event in events)
        new_events += events
    return list(current.values()), new_events


def _first_due(mandates: Iterable[Mandate], today: date) -> date | None:
    days = (mandate.next_date for mandate in mandates if mandate.next_date is not None)
    return min((day for day in days if day <= today), default=None)


def _date_cause(mandate: Mandate) -> ChangeCause:
    return ChangeCause(kind=Kind.STARTED if mandate.next_date == mandate.start_date else Kind.EXPIRED)


def _event(
    mandate: Mandate, cause: ChangeCause | None, after: Coverage | None, now: datetime, today: date
) -> NewEvent | None:
    happened = cause or _CONSEQUENCE
    unit_changes = update_coverage(mandate.units, after, happened.kind)
    if cause is None and unit_changes.units == mandate.units:
        return None
    return NewEvent(
        mandate=replace(
            mandate,
            version=mandate.version + 1,
            units=unit_changes.units,
            next_date=next_date(mandate, today),
            updated_at=now,
        ),
        kind=happened.kind,
        changes=_changes(cause, mandate.units, unit_changes.units),
        state=state(mandate, today),
        covered_branches=covered_branches(unit_changes.units),
        messages=unit_changes.messages,
    )


def _changes(cause: ChangeCause | None, before: Sequence[Unit], after: Sequence[Unit]) -> tuple[Change, ...]:
    if cause is None:
        return (Change.BRANCHES,)
    if cause is GRANT or {b for b, _ in covered_branches(before)} == {b for b, _ in covered_branches(after)}:
        return cause.changes
    return (*cause.changes, Change.BRANCHES)


def covered_branches(units: Sequence[Unit]) -> CoveredBranches:
    """List the branches of units in order, each with its routing characteristic."""
    if len(units) == 1:
        unit = units[0]
        return tuple((branch, unit.routing) for branch in unit.covers)
    return tuple(sorted((branch, unit.routing) for unit in units for branch in unit.covers))
