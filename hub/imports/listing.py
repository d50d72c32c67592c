"""Reading a file of schools as DUO publishes them. In: bytes. Out: what it lists, and for which sector it speaks.

Files of vo have a column for the structure of education, those of po have none. Older ones name a branch by its last
two digits or in full, newer ones in full and under other names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.domain.listing import Listing
from hub.imports.table import Column, has_column, read_table
from schemas.identifiers import BGE_CODE, BRANCH, BRIN

if TYPE_CHECKING:
    from hub.imports.result import RowErrors

STRUCTURE: Final = Column("ONDERWIJSSTRUCTUUR", is_required=False)
COLUMNS: Final = (
    Column("BEVOEGD GEZAG NUMMER", ("BEVOEGD GEZAG CODE", "BEVOEGDGEZAGNUMMER", "BEVOEGDGEZAGCODE")),
    Column("BRIN NUMMER", ("INSTELLINGSCODE",)),
    Column("VESTIGINGSNUMMER", ("VESTIGINGSCODE",)),
    Column("VESTIGINGSNAAM"),
    Column("BEVOEGD GEZAG NAAM", ("BEVOEGDGEZAGNAAM",), is_required=False),
)
SHORT: Final = 2


def read_listing(data: bytes, errors: RowErrors, *, is_part: bool = False) -> Listing:
    """Read what a file lists; what is wrong is noted in `faults`."""
    listing = Listing(sector="vo" if has_column(data, STRUCTURE) else "po", is_part=is_part)
    for line, (board, brin, given, name, board_name) in read_table(data, COLUMNS, errors):
        branch = f"{brin}{given}" if len(given) == SHORT else given
        if _is_sound(line, board, brin, branch, name, errors):
            if listing.branches.setdefault(branch, name) != name:
                errors.add(line, "VESTIGINGSNUMMER", "duplicate", f"an earlier line gives {branch} another name")
            if listing.boards.setdefault(brin, board) != board:
                errors.add(line, "BEVOEGD GEZAG NUMMER", "duplicate", f"an earlier line gives {brin} another board")
            if board_name and listing.board_names.setdefault(board, board_name) != board_name:
                errors.add(line, "BEVOEGD GEZAG NAAM", "duplicate", f"an earlier line gives {board} another name")
    return listing


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
    if not name:
        errors.add(line, "VESTIGINGSNAAM", "missing", "a branch has a name")
    return not wrong and branch[:4] == brin and bool(name)
