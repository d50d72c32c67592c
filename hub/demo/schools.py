"""The schools of the demo. In: the schools of a file. Out: those for the cases, and CSV files of systems and mandates.

The schools are real. The systems are invented, because the system that a school uses is not public.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from itertools import chain, count
from typing import TYPE_CHECKING, Final

from hub.errors import ConfigurationError
from hub.imports.listing import COLUMNS
from hub.imports.result import RowErrors
from hub.imports.table import read_table
from schemas.identifiers import Brin, routing_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date
    from pathlib import Path

DUO_SERVICES: Final = ("BRON_PO", "VERZUIM", "RIO")
LAS_SERVICE: Final = "VVA"
SERVICES: Final = (*DUO_SERVICES, LAS_SERVICE)
MANDATE_COLUMNS: Final = ("brin", "service_code", "supplier_oin", "start_date", "end_date", "branch", "routing_id")
SYSTEM_COLUMNS: Final = ("supplier_oin", "system_name", "service_codes")
FOUR_BRANCHES: Final = "18DS"
TWO_SYSTEMS: Final = "11OA"
MOVING_BOARD: Final = "41676"
MAX_MOVING: Final = 60
MIN_BRANCHES: Final = 3


class NoFittingSchools(ConfigurationError):  # noqa: N818 - named after the fact it states
    """The file lacks the schools that the cases need."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoSchool:
    """A school, its board and its branches, in order."""

    brin: str
    board: str
    name: str
    branches: tuple[str, ...]

    def route(self, index: int) -> str:
        """Return one of this school's routing characteristics."""
        return str(routing_id(Brin(self.brin), index))


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoSystem:
    """An administration system."""

    oin: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoSchools:
    """The schools whose changes are made one by one; the rest of the register is `others`."""

    branched: DemoSchool
    shared: DemoSchool
    moving: tuple[DemoSchool, ...]
    others: tuple[DemoSchool, ...]

    @property
    def boards(self) -> tuple[str, ...]:
        """The boards that make the changes."""
        return tuple(dict.fromkeys(school.board for school in (self.branched, self.shared, *self.moving)))


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoPlan:
    """What is imported: the system that most schools use, the other one, how many mandates, and from which day."""

    home: DemoSystem
    other: DemoSystem
    mandates: int
    today: date


def read_schools(data: bytes) -> tuple[DemoSchool, ...]:
    """Read the schools of a file that has been imported, in its order; the name is that of the lowest branch."""
    found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for _, (board, brin, given, name, *_) in read_table(data, COLUMNS, RowErrors()).rows:
        found[brin, board][given if len(given) > len(brin) else brin + given] = name
    return tuple(
        DemoSchool(brin=brin, board=board, name=names[min(names)], branches=tuple(sorted(names)))
        for (brin, board), names in found.items()
    )


def choose_schools(schools: Sequence[DemoSchool]) -> DemoSchools:
    """Return the schools that are known to fit, else the first that do; raise `NoFittingSchools` when none does."""
    by_brin = {school.brin: school for school in schools}
    many = [school for school in schools if len(school.branches) >= MIN_BRANCHES]
    branched = by_brin.get(FOUR_BRANCHES) or next(iter(many), None)
    shared = by_brin.get(TWO_SYSTEMS) or next((school for school in many if school is not branched), None)
    moving = _moving_board([school for school in schools if school not in (branched, shared)])
    if branched is None or shared is None or not moving:
        raise NoFittingSchools(
            f"the demo needs two schools with at least {MIN_BRANCHES} branches and others, and the file has fewer",
            next_step="Give another file by --schools, or none.",
        )
    apart = {branched.brin, shared.brin, *(school.brin for school in moving)}
    others = tuple(school for school in schools if school.brin not in apart)
    return DemoSchools(branched=branched, shared=shared, moving=moving, others=others)


def write_systems(path: Path, systems: Iterable[DemoSystem]) -> None:
    """Write the systems as `osr-hub import systems` reads them."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(SYSTEM_COLUMNS)
        writer.writerows((system.oin, system.name, ",".join(SERVICES)) for system in systems)


def write_mandates(path: Path, chosen: DemoSchools, plan: DemoPlan) -> int:
    """Write the mandates as `osr-hub import mandates` reads them; return how many they are."""
    mandates = [mandate for _, mandate in zip(range(plan.mandates), _mandates(chosen, plan), strict=False)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(MANDATE_COLUMNS)
        writer.writerows(chain.from_iterable(mandates))
    return len(mandates)


def _moving_board(schools: Sequence[DemoSchool]) -> tuple[DemoSchool, ...]:
    boards: dict[str, list[DemoSchool]] = defaultdict(list)
    for school in schools:
        boards[school.board].append(school)
    fitting = boards.get(MOVING_BOARD) or max(boards.values(), key=len, default=[])
    return tuple(fitting[:MAX_MOVING])


def _mandates(chosen: DemoSchools, plan: DemoPlan) -> Iterator[list[tuple[str, ...]]]:
    """Yield the lines of one mandate after the other: this school year of all schools, then the next, without end."""
    for number in count():
        start, end = _school_year(plan.today, number)
        for school in (*chosen.moving, chosen.branched, chosen.shared, *chosen.others):
            system = plan.home if school in chosen.moving else _system_of(school, plan)
            for service in SERVICES:
                if not _is_told_by_the_story(school, service, chosen):
                    yield _mandate_rows(school, service, system, (start, end))


def _is_told_by_the_story(school: DemoSchool, service: str, chosen: DemoSchools) -> bool:
    return (school is chosen.branched and service in (LAS_SERVICE, "RIO")) or (
        service == LAS_SERVICE and school is chosen.shared
    )


def _system_of(school: DemoSchool, plan: DemoPlan) -> DemoSystem:
    """Return the other system for one board in four; schools of a board use the same one."""
    return plan.other if sum(map(ord, school.board)) % 4 == 0 else plan.home


def _school_year(today: date, number: int) -> tuple[date, date]:
    """Return the first and last day of this school year, and for a number above 0 of a later one."""
    first = today.replace(month=8, day=1)
    begins = (first.year if first <= today else first.year - 1) + number
    return first.replace(year=begins), first.replace(year=begins + 1, month=7, day=31)


def _mandate_rows(
    school: DemoSchool, service: str, system: DemoSystem, period: tuple[date, date]
) -> list[tuple[str, ...]]:
    """Return the lines of one mandate: for VVA one per branch with its routing characteristic, else one."""
    start, end = period
    first = (school.brin, service, system.oin, start.isoformat(), end.isoformat())
    if service != LAS_SERVICE or len(school.branches) == 1:
        return [(*first, "", "")]
    return [(*first, branch, school.route(index)) for index, branch in enumerate(school.branches, start=1)]
