"""Schools for tests, put straight into the register, or written as a file to import. The one builder of schools."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    import asyncpg

    from hub.store.pool import Connection

BOARD: Final = "41561"
COLUMNS: Final = "BEVOEGD GEZAG NUMMER;BRIN NUMMER;VESTIGINGSNUMMER;VESTIGINGSNAAM"
ADD_BOARDS: Final = "insert into boards (bge_code) select distinct unnest($1::text[]) on conflict do nothing"
ADD_SCHOOLS: Final = """
insert into schools (brin, name, bge_code, sector, closed_on, counter)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::date[], $6::bigint[])"""
ADD_BRANCHES: Final = """
insert into branches (branch, brin, name, closed_on)
select branch, left(branch, 4), name, closed_on
  from unnest($1::text[], $2::text[], $3::date[]) u (branch, name, closed_on)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltSchool:
    """A school with the names of its branches, open and closed, by their last two digits."""

    brin: str
    name: str = "School"
    board: str = BOARD
    sector: str = "po"
    closed_on: date | None = None
    counter: int = 0
    branches: Mapping[str, str] = field(default_factory=lambda: {"00": "a"})
    closed_branches: Mapping[str, tuple[str, date]] = field(default_factory=dict)


async def add_schools(c: asyncpg.Connection[Any] | Connection, *schools: BuiltSchool) -> None:
    """Put schools with their branches into the register, and their boards where they are new."""
    await c.execute(ADD_BOARDS, [school.board for school in schools])
    await c.execute(
        ADD_SCHOOLS,
        [school.brin for school in schools],
        [school.name for school in schools],
        [school.board for school in schools],
        [school.sector for school in schools],
        [school.closed_on for school in schools],
        [school.counter for school in schools],
    )
    branches = [
        (f"{school.brin}{suffix}", name, None) for school in schools for suffix, name in school.branches.items()
    ]
    closed = [
        (f"{school.brin}{suffix}", name, day)
        for school in schools
        for suffix, (name, day) in school.closed_branches.items()
    ]
    rows = (*branches, *closed)
    await c.execute(ADD_BRANCHES, [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])


def small_schools(brins: Iterable[str], board: str = BOARD) -> list[BuiltSchool]:
    """Make schools of one branch each."""
    return [BuiltSchool(brin=brin, name=brin, board=board, branches={"00": brin}) for brin in brins]


def numbered_brin(n: int) -> str:
    """Return the code of one of many schools: 00AA, 01AA and so on."""
    return f"{n % 100:02d}{chr(65 + n // 100 % 26)}{chr(65 + n // 2600)}"


def school_csv(rows: Iterable[tuple[str, str, str]]) -> bytes:
    """Write a file of schools: the board, the branch and its name per row."""
    lines = (f"{board};{branch[:4]};{branch};{name}" for board, branch, name in rows)
    return "\n".join((COLUMNS, *lines, "")).encode()
