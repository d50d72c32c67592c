"""What files say of schools, and the register's schools as they are after one. In: rows, a listing. Out: rows.

A file speaks for the kinds of education that are in it, and for no other: DUO publishes po in several files.
Each school and branch remembers the kinds under which the newest files list it: it closes when the last of them leaves
it out, and what no file ever listed stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from hub.domain.education import sectors_of
from hub.domain.school import name_of_school

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

Row = TypeVar("Row", "ListedSchool", "ListedBranch")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSchool:
    """A school, its board, and the kinds of education under which the newest files list it."""

    brin: str
    name: str
    bge_code: str
    sector: str
    closed_on: date | None = None
    listed_in: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedBranch:
    """A branch, and the kinds of education under which the newest files list it."""

    branch: str
    name: str
    closed_on: date | None = None
    listed_in: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolSnapshot:
    """All schools and branches by their codes, and what boards are called, where that is known."""

    schools: Mapping[str, ListedSchool]
    branches: Mapping[str, ListedBranch]
    boards: Mapping[str, str | None]


@dataclass(slots=True, kw_only=True)
class Listing:
    """What a file lists: the board per school, the name per branch and per board, and for which kinds it speaks.

    `kinds_of` holds the kinds of a school or branch where a file lists several; a part of a file closes nothing.
    """

    sector: str
    kinds: frozenset[str]
    is_part: bool = False
    kinds_of: dict[str, frozenset[str]] = field(default_factory=dict)
    boards: dict[str, str] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    board_names: dict[str, str] = field(default_factory=dict)

    def add_kinds(self, code: str, kinds: frozenset[str]) -> None:
        """Add the kinds of a school or branch; the file speaks for them from then on."""
        self.kinds |= kinds
        self.kinds_of[code] = self.kinds_of.get(code, frozenset()) | kinds

    def listed_in(self, code: str, known: frozenset[str]) -> frozenset[str]:
        """Return the kinds under which a school or branch is listed after this file; `known` are those before it."""
        return (known if self.is_part else known - self.kinds) | self.kinds_of.get(code, self.kinds)

    def names(self) -> dict[str, str]:
        """Name the schools: each is called after its main branch, or its lowest."""
        pairs = groupby(sorted(self.branches.items()), key=lambda pair: pair[0][:4])
        return {brin: name_of_school(brin, named) for brin, named in pairs}


def apply_listing(snapshot: SchoolSnapshot, listing: Listing, today: date) -> SchoolSnapshot:
    """Bring the schools to what a file says of them; what it leaves out for the first time closes today.

    Names and boards of what two sectors list are those of the sector that the school is of.
    """
    schools = {**snapshot.schools, **dict(_schools(snapshot, listing, today))}
    return SchoolSnapshot(
        schools=schools,
        branches={**snapshot.branches, **dict(_branches(snapshot, listing, schools, today))},
        boards={
            **snapshot.boards,
            **{code: snapshot.boards.get(code) for code in listing.boards.values()},
            **listing.board_names,
        },
    )


def _schools(snapshot: SchoolSnapshot, listing: Listing, today: date) -> Iterator[tuple[str, ListedSchool]]:
    names = listing.names()
    for brin, board in listing.boards.items():
        known = snapshot.schools.get(brin)
        listed_in = listing.listed_in(brin, frozenset() if known is None else known.listed_in)
        if known is not None and _is_of_another_sector(known.sector, known.listed_in, listing):
            yield brin, replace(known, listed_in=listed_in)
            continue
        yield (
            brin,
            ListedSchool(brin=brin, name=names[brin], bge_code=board, sector=listing.sector, listed_in=listed_in),
        )
    if not listing.is_part:
        yield from _unlisted(snapshot.schools, listing.boards, listing.kinds, today)


def _branches(
    snapshot: SchoolSnapshot, listing: Listing, schools: Mapping[str, ListedSchool], today: date
) -> Iterator[tuple[str, ListedBranch]]:
    for branch, name in listing.branches.items():
        known = snapshot.branches.get(branch)
        listed_in = frozenset() if known is None else known.listed_in
        keeps_name = known is not None and _is_of_another_sector(schools[branch[:4]].sector, listed_in, listing)
        yield (
            branch,
            ListedBranch(
                branch=branch,
                name=known.name if known is not None and keeps_name else name,
                listed_in=listing.listed_in(branch, listed_in),
            ),
        )
    if not listing.is_part:
        yield from _unlisted(snapshot.branches, listing.branches, listing.kinds, today)


def _is_of_another_sector(sector: str, listed_in: frozenset[str], listing: Listing) -> bool:
    return sector != listing.sector and sector in sectors_of(listed_in)


def _unlisted(
    rows: Mapping[str, Row], listed: Mapping[str, str], kinds: frozenset[str], today: date
) -> Iterator[tuple[str, Row]]:
    for code, row in rows.items():
        if code not in listed and kinds & row.listed_in:
            left = row.listed_in - kinds
            is_closing = not left and (row.closed_on is None or row.closed_on > today)
            yield code, replace(row, listed_in=left, closed_on=today if is_closing else row.closed_on)
