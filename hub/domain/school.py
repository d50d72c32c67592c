"""A school as the register knows it: its branches, its board, and what its board agreed to.

In: rows of the register. Out: which branches are open, which numbers its next events get.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from schemas.identifiers import BgeCode, Branch, Brin


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolBranch:
    """A branch (vestiging) of a school."""

    branch: Branch
    name: str
    closed_on: date | None = None

    def is_open(self, today: date) -> bool:
        """Return whether it is open on a day; the day of closing is the first closed day."""
        return self.closed_on is None or self.closed_on > today


@dataclass(frozen=True, slots=True, kw_only=True)
class School:
    """A school, with the number of its newest event; `locations` in the order of their codes."""

    brin: Brin
    name: str
    bge_code: BgeCode
    counter: int = 0
    closed_on: date | None = None
    osr_agreement: bool = True
    vva_agreement: bool = True
    branches: tuple[SchoolBranch, ...] = ()

    def is_open(self, today: date) -> bool:
        """Return whether it is open on a day; the day of closing is the first closed day."""
        return self.closed_on is None or self.closed_on > today

    def open_branches(self, today: date) -> tuple[Branch, ...]:
        """List the branches that are open on a day, in order."""
        return tuple(each.branch for each in self.branches if each.is_open(today))

    def has_agreement(self, service_code: str) -> bool:
        """Return whether its board signed the agreements for a service: VVA needs one of its own besides."""
        return self.osr_agreement and (service_code != "VVA" or self.vva_agreement)


def name_of_school(brin: str, names: Iterable[tuple[str, str]]) -> str:
    """Return a school's name from its (branch, name) pairs: that of its ..00 branch, or else of its lowest."""
    by_branch = dict(names)
    return by_branch.get(f"{brin}00") or by_branch[min(by_branch)]
