"""Schools from DUO's open data. In: a file of branches, po or vo. Out: what is new or differs in the register.

A school that gets a branch or another board raises events for its mandates. Schools that a file leaves out are told of,
not closed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Final

from hub.domain import change
from hub.domain.change import Act
from hub.domain.kinds import Kind
from hub.domain.mandate import is_live
from hub.domain.school import name_of_school
from hub.imports.result import Faults, Imported, Progress, silent
from hub.imports.table import Column, read_table
from hub.register.record import Desk, record
from hub.store import imports, register
from hub.store.imports import SchoolRow
from schemas.identifiers import BGE_CODE, BRANCH, BRIN
from schemas.kinds import Change

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hub.domain.change import Raised
    from hub.imports.table import Row
    from hub.register.moment import Moment
    from hub.store.pool import Connection

COLUMNS: Final = (
    Column("BEVOEGD GEZAG NUMMER", ("BEVOEGD GEZAG CODE",)),
    Column("BRIN NUMMER", ("INSTELLINGSCODE",)),
    Column("VESTIGINGSNUMMER", ("VESTIGINGSCODE",)),
    Column("VESTIGINGSNAAM"),
    Column("ONDERWIJSSTRUCTUUR", is_required=False),
)
MOVED: Final = Act(kind=Kind.AMENDED, changes=(Change.BOARD,))
SHOWN: Final = 5


@dataclass(slots=True)
class Listing:
    """What a file lists: the board per school, the name per branch."""

    boards: dict[str, str] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    sector: str = "po"

    def schools(self) -> dict[str, SchoolRow]:
        """Make the schools; each is called after its main branch, or its lowest."""
        names = {
            brin: name_of_school(brin, pairs)
            for brin, pairs in groupby(sorted(self.branches.items()), key=lambda pair: pair[0][:4])
        }
        return {
            brin: SchoolRow(brin=brin, name=names[brin], bge_code=board, sector=self.sector)
            for brin, board in self.boards.items()
        }


async def import_schools(c: Connection, data: bytes, at: Moment, progress: Progress = silent) -> Imported:
    """Bring the register's schools to what a file says of them."""
    faults = Faults()
    rows = read_table(data, COLUMNS, faults)
    listing = _listing(rows, faults)
    faults.refuse()
    progress(0, len(rows))
    before, branches_before = await imports.all_schools(c), await imports.all_branches(c)
    schools = listing.schools()
    differing = {brin: school for brin, school in schools.items() if before.get(brin) != school}
    branches = {branch: name for branch, name in listing.branches.items() if branches_before.get(branch) != name}
    extended = {branch[:4] for branch in branches if branch not in branches_before}
    moved = {brin for brin in differing if brin in before and before[brin].bge_code != schools[brin].bge_code}
    touched = await _hold(c, (extended | differing.keys()) & before.keys(), extended | moved, at)
    await imports.write_schools(c, list(differing.values()), branches.items())
    events = await _tell(c, touched, moved, at) if touched else 0
    progress(len(rows), len(rows))
    created = len(schools.keys() - before.keys())
    changed = len(differing.keys() | {branch[:4] for branch in branches}) - created
    return Imported(
        created=created,
        changed=changed,
        unchanged=len(schools) - created - changed,
        events=events,
        notes=tuple(_left_out(listing, before, branches_before)),
    )


def _listing(rows: Iterable[Row], faults: Faults) -> Listing:
    listing = Listing()
    for line, (board, brin, given, name, structure) in rows:
        branch = f"{brin}{given}" if len(given) == 2 else given  # noqa: PLR2004 - older files have the last two digits
        if _is_sound(line, board, brin, branch, name, faults):
            if listing.branches.setdefault(branch, name) != name:
                faults.add(line, "VESTIGINGSNUMMER", "duplicate", f"an earlier line gives {branch} another name")
            if listing.boards.setdefault(brin, board) != board:
                faults.add(line, "BEVOEGD GEZAG NUMMER", "duplicate", f"an earlier line gives {brin} another board")
        if structure:
            listing.sector = "vo"
    return listing


def _is_sound(line: int, board: str, brin: str, branch: str, name: str, faults: Faults) -> bool:
    wrong = [
        (form.kind, given, column, form.expected)
        for form, given, column in (
            (BGE_CODE, board, "BEVOEGD GEZAG NUMMER"),
            (BRIN, brin, "BRIN NUMMER"),
            (BRANCH, branch, "VESTIGINGSNUMMER"),
        )
        if form.pattern.fullmatch(given) is None
    ]
    for kind, given, column, expected in wrong:
        faults.add(line, column, "invalid", f"{given!r} is not {kind}: expected {expected}")
    if not wrong and branch[:4] != brin:
        faults.add(line, "VESTIGINGSNUMMER", "other_school", f"{branch} is not a branch of {brin}")
    if not name:
        faults.add(line, "VESTIGINGSNAAM", "missing", "a branch has a name")
    return not wrong and branch[:4] == brin and bool(name)


async def _hold(c: Connection, brins: set[str], telling: set[str], at: Moment) -> list[str]:
    """Hold all schools that are written to, in key order; return those of `telling` that have mandates to tell of."""
    held = await register.lock_schools(c, brins)
    return await imports.mandated(c, [brin for brin in held if brin in telling], at.today)


async def _tell(c: Connection, brins: list[str], moved: set[str], at: Moment) -> int:
    schools = await register.read_schools(c, brins)
    living = await register.living_mandates(c, brins, at.today)
    raised: list[Raised] = []
    for (brin, _), group in groupby(living, key=lambda mandate: (mandate.brin, mandate.service_code)):
        branches = schools[brin].open_branches(at.today)
        mandates, arrived = change.arrive(list(group), branches, now=at.now, today=at.today)
        acts = {m.id: MOVED for m in mandates if brin in moved and is_live(m, at.today)}
        raised += [*arrived, *change.settle(mandates, acts, branches, now=at.now, today=at.today)]
    await record(c, Desk(schools=schools, names=(await register.references(c)).names, at=at), raised)
    return len(raised)


def _left_out(listing: Listing, schools: Mapping[str, SchoolRow], branches: Mapping[str, str]) -> Iterator[str]:
    own = {brin for brin, school in schools.items() if school.sector == listing.sector}
    closed = {branch for branch in branches if branch[:4] in listing.boards} - listing.branches.keys()
    for kind, codes in (("schools", own - listing.boards.keys()), ("branches", closed)):
        if codes:
            shown = ", ".join(sorted(codes)[:SHOWN]) + (", …" if len(codes) > SHOWN else "")
            yield f"{kind} in the register that are not in the file, left as they are: {len(codes)} ({shown})"
