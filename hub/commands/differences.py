"""The output of a school import: a table for people, a body for programs."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from hub.commands.output import print_json, print_line, print_table
from hub.domain.difference import Difference
from hub.imports import withdrawals_by_system

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.domain.difference import DifferenceEntry
    from hub.imports import SchoolsImported

COLUMNS: Final = ("what", "code", "name", "before", "after")
WITHDRAWAL_COLUMNS: Final = ("school", "service", "system", "mandate")
DIFFERENCE_KINDS: Final = tuple(each.name for each in fields(Difference))
NEW: Final = frozenset({"added", "branches_added"})
MAX_ROWS_PER_KIND: Final = 20
"""The table names so many of a kind; the body for programs has all."""


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True, extra="forbid")


class EntryBody(_Body):
    """A school, branch or board that differs."""

    code: str
    name: str
    before: str | None
    after: str | None


class WithdrawalBody(_Body):
    """A mandate that ends because its school closes."""

    mandate_id: UUID
    brin: str
    service_code: str
    supplier_oin: str
    system_name: str


class DifferenceBody(_Body):
    """What a file of schools changes, or would change; the lists are those of the table."""

    dry_run: bool
    sector: str
    kinds: list[str]
    added: list[EntryBody]
    renamed: list[EntryBody]
    closed: list[EntryBody]
    reopened: list[EntryBody]
    moved: list[EntryBody]
    branches_added: list[EntryBody]
    branches_renamed: list[EntryBody]
    branches_closed: list[EntryBody]
    branches_reopened: list[EntryBody]
    boards_renamed: list[EntryBody]
    unchanged: int
    events: int
    mandates_ended: int
    closings: int
    accept_closures: int | None
    """How many closings must be accepted before the file is taken; null when that is none."""
    withdrawals: list[WithdrawalBody]
    accept_withdrawals: int | None
    """How many withdrawals must be accepted before the file is taken; null when that is none."""


def print_difference_json(done: SchoolsImported, *, dry_run: bool) -> None:
    """Print the difference as programs read it."""
    lists = {
        kind: [EntryBody.model_validate(each) for each in getattr(done.difference, kind)] for kind in DIFFERENCE_KINDS
    }
    print_json(
        DifferenceBody(
            dry_run=dry_run,
            sector=done.sector,
            kinds=list(done.kinds),
            unchanged=done.unchanged,
            events=done.events,
            mandates_ended=done.ended,
            closings=done.difference.closings,
            accept_closures=done.to_accept.closures or None,
            withdrawals=[WithdrawalBody.model_validate(each) for each in done.withdrawals],
            accept_withdrawals=done.to_accept.withdrawals or None,
            **lists,
        )
    )


def print_difference(done: SchoolsImported, *, is_whole: bool) -> None:
    """Print the difference as a table: all of it, or without what is merely new."""
    kinds = [kind for kind in DIFFERENCE_KINDS if getattr(done.difference, kind) and (is_whole or kind not in NEW)]
    if kinds:
        title = ", ".join(f"{len(getattr(done.difference, kind))} {_label(kind)}" for kind in kinds)
        rows = [row for kind in kinds for row in _rows(kind, getattr(done.difference, kind))]
        print_table(f"{_label_of_file(done)}: {title}", COLUMNS, rows)
    elif is_whole:
        print_line(f"{_label_of_file(done)}: no difference")


def print_withdrawals(done: SchoolsImported) -> None:
    """Print the mandates that end, counted per system and listed; nothing when there are none."""
    if done.withdrawals:
        systems = ", ".join(f"{name}: {n}" for name, n in withdrawals_by_system(done))
        rows = [(each.brin, each.service_code, each.system_name, str(each.mandate_id)) for each in done.withdrawals]
        shown = rows[:MAX_ROWS_PER_KIND]
        if len(rows) > len(shown):
            shown.append(("…", "", f"and {len(rows) - len(shown)} more", ""))
        print_table(f"mandates withdrawn, per system: {systems}", WITHDRAWAL_COLUMNS, shown)


def _label_of_file(done: SchoolsImported) -> str:
    return "+".join(done.kinds) or done.sector


def _rows(kind: str, entries: tuple[DifferenceEntry, ...]) -> Iterator[tuple[str, ...]]:
    for each in entries[:MAX_ROWS_PER_KIND]:
        yield _label(kind), each.code, each.name, each.before or "", each.after or ""
    if len(entries) > MAX_ROWS_PER_KIND:
        yield _label(kind), "…", f"and {len(entries) - MAX_ROWS_PER_KIND} more", "", ""


def _label(kind: str) -> str:
    return kind.replace("_", " ")
