"""Which branches each mandate of a (school, service) covers, in which units, and which messages its system gets.

In: all mandates of one school for one service. Out: units per mandate, and the messages that a change of them makes.
Next: `hub.domain.change`, which makes events of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from hub.domain.kinds import Kind
from hub.domain.mandate import REST, Unit, is_live, overlaps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from uuid import UUID

    from hub.domain.mandate import Mandate
    from schemas.identifiers import Branch, RoutingId

SCHOOLS_KEPT: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The units of a living mandate: routed branches in order, then the rest, if any."""

    units: tuple[Unit, ...]
    ambiguous: bool
    """Whether another system may claim the rest too; a system that never received it must then not receive it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitChange:
    """An event's message about one unit: the unit as it is, or, at its end, as it last was."""

    kind: Kind
    unit: Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageUpdate:
    """The messages of an event, ends first, and the units to remember."""

    messages: tuple[UnitChange, ...]
    units: tuple[Unit, ...]


def compute(mandates: Sequence[Mandate], branches: Sequence[Branch], today: date) -> dict[UUID, Coverage]:
    """Compute the units of every living mandate of one (school, service); `branches` are the open ones, in order."""
    live = [mandate for mandate in mandates if is_live(mandate, today)]
    found = {}
    for mandate in live:
        others = [other for other in live if other is not mandate and overlaps(mandate, other, today)]
        is_disputed = any(other.system_code != mandate.system_code for other in others)
        found[mandate.id] = _cover(mandate.routes, others, branches, is_disputed=is_disputed)
    return found


@lru_cache(maxsize=SCHOOLS_KEPT)
def begin_alone(routes: tuple[tuple[Branch, RoutingId], ...], branches: tuple[Branch, ...]) -> CoverageUpdate:
    """Return the first messages and the units of a mandate that shares no day with another one.

    What was made is kept, because the mandates of a school usually come together.
    """
    return update_coverage((), _cover(dict(routes), (), branches, is_disputed=False), Kind.GRANTED)


def _cover(
    own: Mapping[Branch, RoutingId], others: Sequence[Mandate], branches: Sequence[Branch], *, is_disputed: bool
) -> Coverage:
    units = tuple(Unit(branch=branch, routing=own[branch], covers=(branch,)) for branch in branches if branch in own)
    rest = tuple(
        branch for branch in branches if branch not in own and not any(branch in other.routes for other in others)
    )
    if not rest:
        return Coverage(units=units, ambiguous=False)
    return Coverage(units=(*units, Unit(branch=REST, routing=None, covers=rest)), ambiguous=is_disputed)


def update_coverage(before: Sequence[Unit], after: Coverage | None, kind: Kind) -> CoverageUpdate:
    """Turn the units before and after an event of `kind` into its messages; `after` is None when the mandate ended.

    The first message about a unit is `granted`. A rest about which the system got no message is withheld while it is
    ambiguous; after a first message all others follow, its end included. A mandate that ended keeps its last units.
    """
    told = {unit.branch: unit for unit in before if unit.told}
    if after is None:
        ends = tuple(_end(unit, kind) for unit in told.values())
        return CoverageUpdate(messages=ends, units=tuple(replace(unit, told=False) for unit in before))
    there = {unit.branch for unit in after.units}
    messages = [_end(unit, Kind.WITHDRAWN) for unit in told.values() if unit.branch not in there]
    units = []
    for unit in after.units:
        known = unit.branch in told
        if known or unit.branch != REST or not after.ambiguous:
            messages.append(UnitChange(kind=_later(kind) if known else Kind.GRANTED, unit=unit))
            units.append(replace(unit, told=True))
        else:
            units.append(unit)
    return CoverageUpdate(messages=tuple(messages), units=tuple(units))


def _end(unit: Unit, kind: Kind) -> UnitChange:
    return UnitChange(kind=kind if kind is Kind.EXPIRED else Kind.WITHDRAWN, unit=unit)


def _later(kind: Kind) -> Kind:
    return Kind.STARTED if kind is Kind.STARTED else Kind.AMENDED
