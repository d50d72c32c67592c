"""Merge rows of a mandates file: several rows with the same dates are one mandate with several branches."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final

from hub.domain.rules import GrantRequest
from hub.imports.table import Column
from schemas.identifiers import Branch, Brin, Oin, RoutingId, ServiceCode, SystemCode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hub.domain.system import System
    from hub.imports.result import RowErrors
    from hub.imports.table import Row

COLUMNS: Final = (
    *map(Column, ("brin", "service_code", "supplier_oin")),
    Column("system_code", is_required=False),
    *map(Column, ("start_date", "end_date", "branch", "routing_id")),
)
_IDENTITY: Final = 6
"""So many of the columns together are one mandate."""
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(slots=True)
class MandateDraft:
    """A mandate that a file asks for, from line `line` on."""

    line: int
    request: GrantRequest
    branches: list[tuple[int, Branch, RoutingId | None]] = field(default_factory=list)
    """Line, branch, and the routing characteristic that was asked for; None for a free one."""
    system: System | None = None
    """The system that it is for, once that is checked."""


def read_drafts(rows: Iterable[Row], errors: RowErrors) -> list[MandateDraft]:
    """Merge rows into mandates, in the order of the file; add rows with a wrong form to `errors`."""
    drafts: dict[tuple[str, ...], MandateDraft] = {}
    dates = _Dates()
    for line, row in rows:
        brin, service, supplier, system, start, end, branch, routing = row
        draft = drafts.get(row[:_IDENTITY])
        if draft is None:
            first = dates.read(start)
            last = dates.read(end) if end else None
            if first is None or (end and last is None):
                _check_dates(line, start, end, dates, errors)
                continue
            request = GrantRequest(
                brin=Brin(brin),
                service_code=ServiceCode(service),
                supplier_oin=Oin(supplier) if supplier or not system else None,
                system_code=SystemCode(system) if system else None,
                start_date=first,
                end_date=last,
            )
            draft = drafts[row[:_IDENTITY]] = MandateDraft(line, request)
        if branch:
            draft.branches.append((line, Branch(branch), RoutingId(routing) if routing else None))
        elif routing:
            errors.add(line, "branch", "missing", f"routing id {routing} needs a branch")
    return list(drafts.values())


class _Dates:
    """Reads dates, each distinct one once."""

    def __init__(self) -> None:
        self._known: dict[str, date | None] = {}

    def read(self, text: str) -> date | None:
        """Read a date; None when it is none."""
        if text not in self._known:
            self._known[text] = _read_date(text)
        return self._known[text]


def _read_date(text: str) -> date | None:
    if _DATE.fullmatch(text) is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _check_dates(line: int, start: str, end: str, dates: _Dates, errors: RowErrors) -> None:
    for column, text in (("start_date", start), ("end_date", end)):
        if dates.read(text) is None and (text or column == "start_date"):
            errors.add(line, column, "invalid", f"{text!r} is not a date; write it as 2026-08-01")
