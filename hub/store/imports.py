"""Rows of boards, schools and branches, as files change them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from hub.domain.listing import ListedBranch, ListedSchool, SchoolSnapshot
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date

    from hub.store.pool import Connection

Row = TypeVar("Row")
SCHOOL_FILES: Final = 0x05B_0004


async def take_turn(c: Connection) -> None:
    """Lock imports of schools against each other until the transaction ends."""
    await queries.lock_import(c, lock=SCHOOL_FILES)


async def read_snapshot(c: Connection) -> SchoolSnapshot:
    """Read every school, branch and board."""
    schools = (ListedSchool(**_row(row)) for row in await queries.read_all_schools(c))
    branches = (ListedBranch(**_row(row)) for row in await queries.read_all_branches(c))
    return SchoolSnapshot(
        schools={school.brin: school for school in schools},
        branches={branch.branch: branch for branch in branches},
        boards={row["bge_code"]: row["name"] for row in await queries.read_all_boards(c)},
    )


async def write_snapshot(c: Connection, before: SchoolSnapshot, after: SchoolSnapshot) -> None:
    """Write what is new or differs; the schools that differ are locked."""
    boards = _differing(before.boards, after.boards)
    await queries.write_boards(c, bge_codes=list(boards), names=list(boards.values()))
    schools = list(_differing(before.schools, after.schools).values())
    await queries.write_schools(
        c,
        brins=[school.brin for school in schools],
        names=[school.name for school in schools],
        bge_codes=[school.bge_code for school in schools],
        sectors=[school.sector for school in schools],
        closed_on=[school.closed_on for school in schools],
        listed_in=[",".join(sorted(school.listed_in)) for school in schools],
    )
    branches = list(_differing(before.branches, after.branches).values())
    await queries.write_branches(
        c,
        branches=[branch.branch for branch in branches],
        names=[branch.name for branch in branches],
        closed_on=[branch.closed_on for branch in branches],
        listed_in=[",".join(sorted(branch.listed_in)) for branch in branches],
    )


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "listed_in": frozenset(row["listed_in"])}


def _differing(before: Mapping[str, Row], after: Mapping[str, Row]) -> dict[str, Row]:
    return {code: row for code, row in after.items() if code not in before or before[code] != row}


async def brins_with_mandates(c: Connection, brins: Collection[str], today: date) -> list[str]:
    """Return which of these schools have live mandates."""
    return [row["brin"] for row in await queries.read_mandated_brins(c, brins=list(brins), today=today)]


async def hold_board(c: Connection, bge_code: str) -> Mapping[str, Any] | None:
    """Lock a board and return osr_agreement, vva_agreement; None when it is unknown."""
    row: Mapping[str, Any] | None = await queries.lock_board(c, bge_code=bge_code)
    return row


async def write_agreement(c: Connection, bge_code: str, agreement: str, *, is_signed: bool) -> None:
    """Write whether a board signed `OSR` or `VVA`."""
    await queries.write_agreement(c, bge_code=bge_code, agreement=agreement, is_signed=is_signed)
