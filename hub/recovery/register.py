"""What events say of the register beside mandates. In: events of the log. Out: boards, schools, branches and systems.

The log has their codes, and of systems the names; schools and branches are called by their codes until a file is
imported again. Without this, a file that is imported first would raise events that the log has already.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from hub.domain.listing import ListedBranch, ListedSchool, SchoolSnapshot
from hub.domain.mandate import is_live
from hub.domain.system import System
from hub.store import imports, register

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import date

    from hub.domain.mandate import Mandate
    from hub.domain.school import School
    from hub.recovery.log_entries import LoggedEvent
    from hub.recovery.rebuild import Obstacles
    from hub.store.pool import Connection
    from schemas.identifiers import Brin, SystemCode

SECTOR: Final = "po"
"""What a school is taken for until a file says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterAdditions:
    """What the register lacked, by code."""

    schools: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchChanges:
    """Branches that closed and opened since the backup, by what living mandates cover."""

    closed: frozenset[str] = frozenset()
    opened: frozenset[str] = frozenset()


async def add_missing(c: Connection, events: Sequence[LoggedEvent], obstacles: Obstacles) -> RegisterAdditions:
    """Bring the register to what events name; schools that are there are held."""
    references = await register.references(c)
    for code in sorted({event.change.service_code for event in events} - references.services.keys()):
        obstacles.found.append(
            f"the log has mandates for service {code}, which is not in the register: add it with `osr-hub services add`"
        )
    systems = _systems(events, references.systems)
    await register.write_systems(c, systems)
    before = await imports.read_snapshot(c)
    after = _named(before, events)
    await imports.write_snapshot(c, before, after)
    return RegisterAdditions(
        schools=tuple(sorted(after.schools.keys() - before.schools.keys())),
        branches=tuple(sorted(after.branches.keys() - before.branches.keys())),
        systems=tuple(system.code for system in systems),
    )


def _named(snapshot: SchoolSnapshot, events: Sequence[LoggedEvent]) -> SchoolSnapshot:
    """Add what events name; a school's board is that of its newest event."""
    boards = {event.change.brin: event.bge_code for event in events}
    schools: dict[str, ListedSchool] = {
        brin: replace(snapshot.schools[brin], bge_code=board)
        if brin in snapshot.schools
        else ListedSchool(brin=brin, name=brin, bge_code=board, sector=SECTOR)
        for brin, board in boards.items()
    }
    named = {branch for event in events for branch, _ in event.change.branches}
    branches: dict[str, ListedBranch] = {
        branch: ListedBranch(branch=branch, name=branch) for branch in named - snapshot.branches.keys()
    }
    return SchoolSnapshot(
        schools={**snapshot.schools, **schools},
        branches={**snapshot.branches, **branches},
        boards={**dict.fromkeys(boards.values()), **snapshot.boards},
    )


def find_branch_changes(schools: Mapping[Brin, School], mandates: Iterable[Mandate], today: date) -> BranchChanges:
    """Find branches that closed or opened: living mandates of a school cover each open branch, and no other."""
    covered: dict[Brin, set[str]] = defaultdict(set)
    for mandate in mandates:
        if is_live(mandate, today):
            covered[mandate.brin].update(branch for unit in mandate.units for branch in unit.covers)
    pairs = [(set(schools[brin].open_branches(today)), branches) for brin, branches in covered.items()]
    return BranchChanges(
        closed=frozenset(branch for was_open, is_open in pairs for branch in was_open - is_open),
        opened=frozenset(branch for was_open, is_open in pairs for branch in is_open - was_open),
    )


async def apply_branch_changes(c: Connection, branch_changes: BranchChanges, today: date) -> None:
    """Close and open branches; a file that is imported later finds them so and raises nothing."""
    before = await imports.read_snapshot(c)
    closing = {branch: replace(before.branches[branch], closed_on=today) for branch in branch_changes.closed}
    opening = {branch: replace(before.branches[branch], closed_on=None) for branch in branch_changes.opened}
    after = replace(before, branches={**before.branches, **closing, **opening})
    await imports.write_snapshot(c, before, after)


def closed_branches(schools: Mapping[Brin, School], today: date, more: Collection[str]) -> dict[str, set[str]]:
    """List the closed branches of schools, and these besides."""
    return {
        brin: {each.branch for each in school.branches if not each.is_open(today) or each.branch in more}
        for brin, school in schools.items()
    }


def _systems(events: Sequence[LoggedEvent], known: Mapping[SystemCode, System]) -> list[System]:
    newest: dict[SystemCode, LoggedEvent] = {}
    services: dict[SystemCode, set[str]] = defaultdict(set)
    for event in events:
        code = event.change.system_code
        if code not in known:
            newest[code] = event
            services[code].add(event.change.service_code)
    return [
        System(
            code=code,
            supplier_oin=event.change.supplier_oin,
            name=event.system_name,
            service_codes=frozenset(services[code]),
        )
        for code, event in newest.items()
    ]
