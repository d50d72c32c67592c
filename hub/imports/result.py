"""What an import tells while it goes on and when it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hub.errors import FieldError, FieldLocation, InvalidInput

if TYPE_CHECKING:
    from hub.domain.difference import Difference

Progress: TypeAlias = Callable[[int, int], None]
"""Called with how much is done, of how much."""


def no_progress(_done: int, _total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What a file changed: things in it that are new, that differ, that were so already; and the events it made."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    events: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolsImported(Imported):
    """What a file of schools changed, or would change."""

    sector: str
    difference: Difference
    ended: int = 0
    """Mandates that end because their school closes."""
    to_accept: int = 0
    """So many closings that a person has to accept them; 0 when they are as few as one expects."""


class RowErrors:
    """Collects what is wrong with a file, by line."""

    def __init__(self) -> None:
        self._found: list[tuple[int, FieldError]] = []

    def add(self, line: int, column: str, code: str, detail: str) -> None:
        """Note one wrong field."""
        self._found.append(
            (line, FieldError(in_=FieldLocation.FILE, field=f"line {line}, {column}", code=code, detail=detail))
        )

    def refuse(self) -> None:
        """Raise `InvalidInput` with all faults in the order of their lines, if there are any."""
        if self._found:
            count = len({line for line, _ in self._found})
            rows = "1 row is" if count == 1 else f"{count} rows are"
            errors = [fault for _, fault in sorted(self._found, key=lambda found: found[0])]
            raise InvalidInput(errors, f"{rows} wrong; nothing was imported")
