"""How a difference in schools is shown: a table for people, a body for programs."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from hub.commands.asking import print_json, print_table
from hub.domain.difference import Difference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.domain.difference import DifferenceEntry
    from hub.imports import SchoolsImported

COLUMNS: Final = ("what", "code", "name", "before", "after")
DIFFERENCE_KINDS: Final = tuple(each.name for each in fields(Difference))
NEW: Final = frozenset({"added", "branches_added"})
MAX_ROWS_PER_KIND: Final = 20
"""So many of a kind are named in the table; all of them are in the body for programs."""


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True, extra="forbid")


class EntryBody(_Body):
    """A school, branch or board that differs."""

    code: str
    name: str
    before: str | None
    after: str | None


class DifferenceBody(_Body):
    """What a file of schools changes, or would change; the lists are those of the table."""

    dry_run: bool
    sector: str
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
    """What must be accepted before the file is taken; null when that is nothing."""


def print_difference_json(done: SchoolsImported, *, dry_run: bool) -> None:
    """Print the difference as programs read it."""
    lists = {
        kind: [EntryBody.model_validate(each) for each in getattr(done.difference, kind)] for kind in DIFFERENCE_KINDS
    }
    print_json(
        DifferenceBody(
            dry_run=dry_run,
            sector=done.sector,
            unchanged=done.unchanged,
            events=done.events,
            mandates_ended=done.ended,
            closings=done.difference.closings,
            accept_closures=done.to_accept or None,
            **lists,
        )
    )


def print_difference(done: SchoolsImported, *, is_whole: bool) -> None:
    """Print the difference as a table: all of it, or without what is merely new."""
    kinds = [kind for kind in DIFFERENCE_KINDS if getattr(done.difference, kind) and (is_whole or kind not in NEW)]
    if kinds:
        title = ", ".join(f"{len(getattr(done.difference, kind))} {_label(kind)}" for kind in kinds)
        rows = [row for kind in kinds for row in _rows(kind, getattr(done.difference, kind))]
        print_table(f"{done.sector}: {title}", COLUMNS, rows)
    elif is_whole:
        print(f"{done.sector}: no difference")


def _rows(kind: str, entries: tuple[DifferenceEntry, ...]) -> Iterator[tuple[str, ...]]:
    for each in entries[:MAX_ROWS_PER_KIND]:
        yield _label(kind), each.code, each.name, each.before or "", each.after or ""
    if len(entries) > MAX_ROWS_PER_KIND:
        yield _label(kind), "…", f"and {len(entries) - MAX_ROWS_PER_KIND} more", "", ""


def _label(kind: str) -> str:
    return kind.replace("_", " ")
