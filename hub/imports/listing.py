"""Read a file of schools as DUO publishes them. In: bytes. Out: what it lists, and for which kinds of education.

Files of vo have a column for the structure of education. Of the files of po, those of special schools (sbo, so, vso)
say in each row of which kind it is, and the one of bo has no such column. Older files name a branch by its last two
digits or in full, newer ones in full and under other names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.domain.education import Education, read_education
from hub.domain.listing import Listing
from hub.imports.table import Column, is_visible, read_table
from schemas.identifiers import BGE_CODE, BRANCH, BRIN

if TYPE_CHECKING:
    from hub.imports.result import RowErrors
    from hub.imports.table import Table

STRUCTURE: Final = Column("ONDERWIJSSTRUCTUUR", is_required=False)
KIND: Final = Column("SOORT PRIMAIR ONDERWIJS", ("SOORT PO", "ONDERWIJS"), is_required=False)
COLUMNS: Final = (
    Column("BEVOEGD GEZAG NUMMER", ("BEVOEGD GEZAG CODE", "BEVOEGDGEZAGNUMMER", "BEVOEGDGEZAGCODE")),
    Column("BRIN NUMMER", ("INSTELLINGSCODE",)),
    Column("VESTIGINGSNUMMER", ("VESTIGINGSCODE",)),
    Column("VESTIGINGSNAAM"),
    Column("BEVOEGD GEZAG NAAM", ("BEVOEGDGEZAGNAAM",), is_required=False),
    KIND,
    STRUCTURE,
)
SHORT: Final = 2
MAX_NAME_LENGTH: Final = 200
_KINDS: Final = "Bo, Sbo, So, Vso, or two of them such as So/Vso"


def read_listing(data: bytes, errors: RowErrors, *, is_part: bool = False) -> Listing:
    """Read what a file lists; add what is wrong to `errors`."""
    table = read_table(data, COLUMNS, errors)
    listing = _empty_listing(table, is_part=is_part)
    kinds_of_file = listing.kinds
    for line, (board, brin, given, name, board_name, kind, _) in table.rows:
        branch = f"{brin}{given}" if len(given) == SHORT else given
        kinds = kinds_of_file or _read_kinds(line, kind, errors)
        if not _is_sound(line, board, brin, branch, name, errors) or kinds is None:
            continue
        if listing.branches.setdefault(branch, name) != name:
            errors.add(line, "VESTIGINGSNUMMER", "duplicate", f"an earlier line gives {branch} another name")
        if listing.boards.setdefault(brin, board) != board:
            errors.add(line, "BEVOEGD GEZAG NUMMER", "duplicate", f"an earlier line gives {brin} another board")
        if board_name and listing.board_names.setdefault(board, board_name) != board_name:
            errors.add(line, "BEVOEGD GEZAG NAAM", "duplicate", f"an earlier line gives {board} another name")
        for code in (brin, branch):
            listing.add_kinds(code, kinds)
    return listing


def _empty_listing(table: Table, *, is_part: bool) -> Listing:
    if STRUCTURE in table.present:
        return Listing(sector="vo", kinds=frozenset({Education.VO}), is_part=is_part)
    kinds = frozenset[str]() if KIND in table.present else frozenset({Education.BO})
    return Listing(sector="po", kinds=kinds, is_part=is_part)


def _read_kinds(line: int, text: str, errors: RowErrors) -> frozenset[str] | None:
    kinds = read_education(text)
    if kinds is None:
        detail = f"{text!r} is no kind of education; expected {_KINDS}"
        errors.add(line, KIND.name, "unknown_kind" if text else "missing", detail)
    return kinds


def _is_sound(line: int, board: str, brin: str, branch: str, name: str, errors: RowErrors) -> bool:
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
        errors.add(line, column, "invalid", f"{given!r} is not {kind}: expected {expected}")
    if not wrong and branch[:4] != brin:
        errors.add(line, "VESTIGINGSNUMMER", "other_school", f"{branch} is not a branch of {brin}")
    if not is_visible(name):
        errors.add(line, "VESTIGINGSNAAM", "missing", "a branch has a name that can be seen")
    elif len(name) > MAX_NAME_LENGTH:
        errors.add(line, "VESTIGINGSNAAM", "too_long", f"a name has at most {MAX_NAME_LENGTH} characters")
    return not wrong and branch[:4] == brin and is_visible(name)
