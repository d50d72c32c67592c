"""What a file of schools means for mandates. In: schools before and after it. Out: events, in the order of the schools.

A closed school's mandates are withdrawn on its first day of being closed, those that have not started too; nobody gets
one in their place. A school of another board tells so for each mandate, and one with other branches tells what follows.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

from hub.domain import change
from hub.domain.change import WITHDRAWAL, Act
from hub.domain.kinds import Kind
from hub.domain.mandate import is_live
from hub.domain.school import Location
from hub.store import imports, register
from schemas.identifiers import BgeCode, Branch, Brin
from schemas.kinds import Change

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.domain.change import Raised
    from hub.domain.difference import Difference
    from hub.domain.listing import Book
    from hub.domain.mandate import Mandate
    from hub.domain.school import School
    from hub.register import Moment
    from hub.store.pool import Connection

MOVED: Final = Act(kind=Kind.AMENDED, changes=(Change.BOARD,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequences:
    """The events that follow, and the schools that they are about, as they are after the file."""

    schools: Mapping[Brin, School]
    raised: Sequence[Raised]


async def consequences(
    c: Connection, schools: Mapping[Brin, School], after: Book, difference: Difference, at: Moment
) -> Consequences:
    """Compute what follows for the mandates of `schools`, which are as they were before the file."""
    brins = await imports.mandated(c, sorted(_affected(difference) & schools.keys()), at.today)
    closed, moved = ({entry.code for entry in kind} for kind in (difference.closed, difference.moved))
    told = _as_after([schools[Brin(brin)] for brin in brins], after)
    raised: list[Raised] = []
    living = await register.living_mandates(c, brins, at.today)
    for (brin, _), group in groupby(living, key=lambda mandate: (mandate.brin, mandate.service_code)):
        mandates, arrived = change.arrive(
            list(group), schools[brin].open_branches(at.today), now=at.now, today=at.today
        )
        act = WITHDRAWAL if brin in closed else MOVED if brin in moved else None
        raised += [*arrived, *_settle(mandates, act, told[brin].open_branches(at.today), at)]
    return Consequences(schools=told, raised=raised)


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


def _as_after(schools: Sequence[School], after: Book) -> dict[Brin, School]:
    places: defaultdict[str, list[Location]] = defaultdict(list)
    wanted = {school.brin for school in schools}
    for code, row in sorted(after.branches.items()):
        if code[:4] in wanted:
            places[code[:4]].append(Location(branch=Branch(code), name=row.name, closed_on=row.closed_on))
    return {
        school.brin: replace(
            school,
            bge_code=BgeCode(after.schools[school.brin].bge_code),
            closed_on=after.schools[school.brin].closed_on,
            locations=tuple(places[school.brin]),
        )
        for school in schools
    }


def _settle(mandates: Sequence[Mandate], act: Act | None, branches: Sequence[Branch], at: Moment) -> list[Raised]:
    acts = {} if act is None else {mandate.id: act for mandate in mandates if is_live(mandate, at.today)}
    if act is WITHDRAWAL:
        mandates = [replace(m, withdrawn_at=at.now) if m.id in acts else m for m in mandates]
    return change.settle(mandates, acts, branches, now=at.now, today=at.today)
