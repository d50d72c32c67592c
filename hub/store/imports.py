"""The rows of boards, schools and branches as files bring them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import date

    from hub.store.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolRow:
    """A school as a file has it."""

    brin: str
    name: str
    bge_code: str
    sector: str


async def all_schools(c: Connection) -> dict[str, SchoolRow]:
    """Read every school."""
    return {
        row["brin"]: SchoolRow(brin=row["brin"], name=row["name"], bge_code=row["bge_code"], sector=row["sector"])
        for row in await queries.read_all_schools(c)
    }


async def all_branches(c: Connection) -> dict[str, str]:
    """Read the name of every branch."""
    return {row["branch"]: row["name"] for row in await queries.read_all_branches(c)}


async def write_schools(c: Connection, schools: Collection[SchoolRow], branches: Iterable[tuple[str, str]]) -> None:
    """Write schools and (branch, name) pairs that are new or differ, and boards that are new."""
    await queries.write_boards(c, bge_codes=sorted({school.bge_code for school in schools}))
    await queries.write_schools(
        c,
        brins=[school.brin for school in schools],
        names=[school.name for school in schools],
        bge_codes=[school.bge_code for school in schools],
        sectors=[school.sector for school in schools],
    )
    pairs = list(branches)
    await queries.write_branches(c, branches=[branch for branch, _ in pairs], names=[name for _, name in pairs])


async def mandated(c: Connection, brins: Collection[str], today: date) -> list[str]:
    """Say which of these schools have mandates that live."""
    return [row["brin"] for row in await queries.read_mandated_brins(c, brins=list(brins), today=today)]


async def write_agreements(
    c: Connection, bge_code: str, *, osr: bool | None, vva: bool | None
) -> tuple[bool, bool] | None:
    """Note what a board signed, None as it is; return both agreements, or None for an unknown board."""
    rows = await queries.write_agreements(c, bge_code=bge_code, osr=osr, vva=vva)
    return (rows[0]["osr_agreement"], rows[0]["vva_agreement"]) if rows else None
