"""Compare the schools before and after a file. In: two snapshots. Out: the difference, for a person to see first."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import date

    from hub.domain.listing import ListedBranch, ListedSchool, SchoolSnapshot

    Rows = Mapping[str, ListedSchool] | Mapping[str, ListedBranch]

MOST_CLOSED: Final = 2
"""A file that closes more percent of a kind of education is more likely cut off than right: a person must accept it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceEntry:
    """One school, branch or board that differs, with its old and new value where there is one."""

    code: str
    name: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a file changes; branches are those of schools that are there before and after it."""

    added: tuple[DifferenceEntry, ...] = ()
    renamed: tuple[DifferenceEntry, ...] = ()
    closed: tuple[DifferenceEntry, ...] = ()
    reopened: tuple[DifferenceEntry, ...] = ()
    moved: tuple[DifferenceEntry, ...] = ()
    branches_added: tuple[DifferenceEntry, ...] = ()
    branches_renamed: tuple[DifferenceEntry, ...] = ()
    branches_closed: tuple[DifferenceEntry, ...] = ()
    branches_reopened: tuple[DifferenceEntry, ...] = ()
    boards_renamed: tuple[DifferenceEntry, ...] = ()

    @property
    def closings(self) -> int:
        """How many schools close, and branches of schools that stay."""
        return len(self.closed) + len(self.branches_closed)

    @property
    def changed_schools(self) -> set[str]:
        """The schools that were there and differ, by themselves or in a branch."""
        kinds = (each.name for each in fields(self) if each.name not in ("added", "boards_renamed"))
        return {entry.code[:4] for kind in kinds for entry in getattr(self, kind)}


def compare(before: SchoolSnapshot, after: SchoolSnapshot, today: date) -> Difference:
    """Return how two snapshots differ on a day."""
    schools, branches = (
        _Comparison(before.schools, after.schools, today),
        _Comparison(before.branches, after.branches, today),
    )
    fresh = {entry.code for entry in (*schools.added(), *schools.closed(), *schools.reopened())}

    def staying(entries: Iterator[DifferenceEntry]) -> tuple[DifferenceEntry, ...]:
        return tuple(entry for entry in entries if entry.code[:4] not in fresh)

    return Difference(
        added=tuple(schools.added()),
        renamed=tuple(schools.renamed()),
        closed=tuple(schools.closed()),
        reopened=tuple(schools.reopened()),
        moved=tuple(_moved(before.schools, after.schools)),
        branches_added=staying(branches.added()),
        branches_renamed=tuple(branches.renamed()),
        branches_closed=staying(branches.closed()),
        branches_reopened=staying(branches.reopened()),
        boards_renamed=tuple(_boards_renamed(before, after)),
    )


def closes_too_many(before: SchoolSnapshot, after: SchoolSnapshot, kinds: Iterable[str], today: date) -> bool:
    """Return whether a person must accept the closings: too many schools or branches of one of the file's kinds."""
    schools, branches = (
        _Comparison(before.schools, after.schools, today),
        _Comparison(before.branches, after.branches, today),
    )
    return any(
        100 * each.closed_of(kind) > MOST_CLOSED * each.open_of(kind) for each in (schools, branches) for kind in kinds
    )


class _Comparison:
    """Schools or branches before and after, in the order of their codes."""

    def __init__(self, before: Rows, after: Rows, today: date) -> None:
        self._before, self._after, self._today = before, after, today
        self._differing = sorted(code for code, row in after.items() if before.get(code) != row)

    def added(self) -> Iterator[DifferenceEntry]:
        """Return what is new."""
        return (self._entry(code) for code in self._differing if code not in self._before)

    def renamed(self) -> Iterator[DifferenceEntry]:
        """Return what has another name."""
        for code in self._known(lambda _: True):
            before, after = self._before[code].name, self._after[code].name
            if before != after:
                yield DifferenceEntry(code=code, name=after, before=before, after=after)

    def closed(self) -> Iterator[DifferenceEntry]:
        """Return what closes."""
        return (self._entry(code) for code in self._known(self._is_open) if not self._is_open(self._after[code]))

    def reopened(self) -> Iterator[DifferenceEntry]:
        """Return what opens again."""
        closed = self._known(lambda row: not self._is_open(row))
        return (self._entry(code) for code in closed if self._is_open(self._after[code]))

    def open_of(self, kind: str) -> int:
        """Count what was open and listed under a kind of education."""
        return sum(1 for row in self._before.values() if kind in row.listed_in and self._is_open(row))

    def closed_of(self, kind: str) -> int:
        """Count what closes and was listed under a kind of education."""
        return sum(1 for entry in self.closed() if kind in self._before[entry.code].listed_in)

    def _known(self, wanted: Callable[[ListedSchool | ListedBranch], bool]) -> Iterator[str]:
        return (code for code in self._differing if code in self._before and wanted(self._before[code]))

    def _is_open(self, row: ListedSchool | ListedBranch) -> bool:
        return row.closed_on is None or row.closed_on > self._today

    def _entry(self, code: str) -> DifferenceEntry:
        return DifferenceEntry(code=code, name=self._after[code].name)


def _moved(before: Mapping[str, ListedSchool], after: Mapping[str, ListedSchool]) -> Iterator[DifferenceEntry]:
    for brin, row in sorted(after.items()):
        known = before.get(brin)
        if known is not None and known.bge_code != row.bge_code:
            yield DifferenceEntry(code=brin, name=row.name, before=known.bge_code, after=row.bge_code)


def _boards_renamed(before: SchoolSnapshot, after: SchoolSnapshot) -> Iterator[DifferenceEntry]:
    for code, name in sorted(after.boards.items()):
        known = before.boards.get(code)
        if code in before.boards and name is not None and name != known:
            yield DifferenceEntry(code=code, name=name, before=known, after=name)
