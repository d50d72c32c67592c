"""The progress, the result and the errors of an import."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hub.errors import InvalidInput
from hub.imports.text import file_error

if TYPE_CHECKING:
    from uuid import UUID

    from hub.domain.difference import Difference
    from hub.errors import FieldError

Progress: TypeAlias = Callable[[int, int], None]
"""Called with how much is done, of how much."""


def no_progress(_done: int, _total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What a file changed: the numbers of new, changed and unchanged things in it, and of events."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    events: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """A mandate that a file of schools ends."""

    mandate_id: UUID
    brin: str
    service_code: str
    supplier_oin: str
    system_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToAccept:
    """What a person must accept before a file is taken; 0 where it is as little as one expects."""

    closures: int = 0
    withdrawals: int = 0

    def exceeds(self, accepted: ToAccept) -> bool:
        """Return whether more must be accepted than was."""
        return self.closures > accepted.closures or self.withdrawals > accepted.withdrawals


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolsImported(Imported):
    """What a file of schools changed, or would change."""

    sector: str
    kinds: tuple[str, ...] = ()
    """The kinds of education that the file speaks for."""
    difference: Difference
    withdrawals: tuple[Withdrawal, ...] = ()
    """The mandates that end because their school closes."""
    to_accept: ToAccept

    @property
    def ended(self) -> int:
        """How many mandates end because their school closes."""
        return len(self.withdrawals)


class RowErrors:
    """The errors of a file, by line."""

    def __init__(self) -> None:
        self._found: list[tuple[int, FieldError]] = []

    def add(self, line: int, column: str, code: str, detail: str) -> None:
        """Add one wrong field."""
        self._found.append((line, file_error(line, column, code, detail)))

    def refuse(self) -> None:
        """Raise `InvalidInput` with all errors in the order of their lines, if there are any."""
        if self._found:
            count = len({line for line, _ in self._found})
            rows = "1 row is" if count == 1 else f"{count} rows are"
            errors = [error for _, error in sorted(self._found, key=lambda found: found[0])]
            raise InvalidInput(errors, f"{rows} wrong; nothing was imported")
