"""Derive what a file of schools means for mandates. In: schools before and after it. Out: events, in school order.

A closed school's mandates are withdrawn on its first closed day, also those that have not started; its successor gets
none. A school of another board has an event for each mandate, and one with other branches for each that is affected.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

from hub.domain import change
from hub.domain.change import WITHDRAWAL, ChangeCause
from hub.domain.kinds import Kind
from hub.domain.mandate import is_live
from hub.domain.school import SchoolBranch
from hub.store import imports, register
from schemas.identifiers import BgeCode, Branch, Brin
from schemas.kinds import Change

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.domain.change import NewEvent
    from hub.domain.difference import Difference
    from hub.domain.listing import SchoolSnapshot
    from hub.domain.mandate import Mandate
    from hub.domain.school import School
    from hub.register import Moment
    from hub.store.pool import Connection

MOVED: Final = ChangeCause(kind=Kind.AMENDED, changes=(Change.BOARD,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequences:
    """The events that follow, and the schools that they are about, as they are after the file."""

    schools: Mapping[Brin, School]
    new_events: Sequence[NewEvent]


async def consequences(
    c: Connection, schools: Mapping[Brin, School], after: SchoolSnapshot, difference: Difference, at: Moment
) -> Consequences:
    """Derive the events of the mandates of `schools`, which are as they were before the file."""
    brins = await imports.brins_with_mandates(c, sorted(_affected(difference) & schools.keys()), at.today)
    closed, moved = ({entry.code for entry in kind} for kind in (difference.closed, difference.moved))
    schools_after = _schools_after([schools[Brin(brin)] for brin in brins], after)
    new_events: list[NewEvent] = []
    living = await register.living_mandates(c, brins, at.today)
    for (brin, _), group in groupby(living, key=lambda mandate: (mandate.brin, mandate.service_code)):
        mandates, arrived = change.apply_dates(
            list(group), schools[brin].open_branches(at.today), now=at.now, today=at.today
        )
        cause = WITHDRAWAL if brin in closed else MOVED if brin in moved else None
        new_events += [*arrived, *_derive(mandates, cause, schools_after[brin].open_branches(at.today), at)]
    return Consequences(schools=schools_after, new_events=new_events)


def _affected(difference: Difference) -> set[str]:
    kinds = (
        difference.closed,
        difference.reopened,
        difference.moved,
        difference.branches_added,
        difference.branches_closed,
        difference.branches_reopened,
    )
    return {entry.code[:4] for kind in kinds for entry in kind}


def _schools_after(schools: Sequence[School], after: SchoolSnapshot) -> dict[Brin, School]:
    branches: defaultdict[str, list[SchoolBranch]] = defaultdict(list)
    brins = {school.brin for school in schools}
    for code, row in sorted(after.branches.items()):
        if code[:4] in brins:
            branches[code[:4]].append(SchoolBranch(branch=Branch(code), name=row.name, closed_on=row.closed_on))
    return {
        school.brin: replace(
            school,
            bge_code=BgeCode(after.schools[school.brin].bge_code),
            closed_on=after.schools[school.brin].closed_on,
            branches=tuple(branches[school.brin]),
        )
        for school in schools
    }


def _derive(
    mandates: Sequence[Mandate], cause: ChangeCause | None, branches: Sequence[Branch], at: Moment
) -> list[NewEvent]:
    causes = {} if cause is None else {mandate.id: cause for mandate in mandates if is_live(mandate, at.today)}
    if cause is WITHDRAWAL:
        mandates = [replace(m, withdrawn_at=at.now) if m.id in causes else m for m in mandates]
    return change.derive_events(mandates, causes, branches, now=at.now, today=at.today)
