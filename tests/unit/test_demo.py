"""The demo's own decisions: who plays, what is imported, when all is settled."""

from __future__ import annotations

import csv
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from hub.demo.fill import SAMPLE
from hub.demo.schools import (
    DemoPlan,
    DemoSchool,
    DemoSystem,
    NoFittingSchools,
    choose_schools,
    read_schools,
    write_mandates,
)
from hub.demo.watch import STALLED_SECONDS, RemainingWork, SettlingProgress

if TYPE_CHECKING:
    from pathlib import Path

HOME = DemoSystem(oin="00000099000000001000", name="Thuis")
OTHER = DemoSystem(oin="00000099000000002000", name="Ander")
BRANCHED = DemoSchool(brin="00AA", board="10001", name="a", branches=("00AA00", "00AA01", "00AA02"))
SHARED = DemoSchool(brin="00BB", board="10001", name="b", branches=("00BB00", "00BB03", "00BB04"))
SINGLE = DemoSchool(brin="00CC", board="10002", name="c", branches=("00CC00",))
NOTHING = RemainingWork(unplanned=0, untaken={"duo:rio": 0}, unprocessed={"duo:rio": 0})
SOMETHING = RemainingWork(unplanned=0, untaken={"duo:rio": 0}, unprocessed={"duo:rio": 3})


def _plan(mandates: int, today: date = date(2026, 11, 24)) -> DemoPlan:
    return DemoPlan(home=HOME, other=OTHER, mandates=mandates, today=today)


def _written(path: Path, mandates: int, today: date = date(2026, 11, 24)) -> list[dict[str, str]]:
    write_mandates(path, choose_schools([BRANCHED, SHARED, SINGLE]), _plan(mandates, today))
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def test_the_sample_has_the_schools_of_the_story() -> None:
    """The sample that comes along casts the schools that the story is known by."""
    chosen = choose_schools(read_schools(SAMPLE.read_bytes()))
    assert chosen.branched.branches == ("18DS00", "18DS01", "18DS02", "18DS03")
    assert chosen.shared.branches == ("11OA00", "11OA03", "11OA04")
    assert {school.board for school in chosen.moving} == {"41676"}
    assert chosen.boards == ("41561", "42634", "41676")
    assert len(chosen.others) + len(chosen.moving) + 2 == 735


def test_any_file_with_two_branched_schools_will_do() -> None:
    """Without the known schools the first that fit take their parts."""
    chosen = choose_schools([SINGLE, BRANCHED, SHARED])
    assert (chosen.branched, chosen.shared, chosen.moving, chosen.others) == (BRANCHED, SHARED, (SINGLE,), ())


def test_a_file_without_branched_schools_is_refused_in_words() -> None:
    """One school with enough branches is not enough."""
    with pytest.raises(NoFittingSchools, match="at least 3 branches"):
        choose_schools([BRANCHED, SINGLE])


def test_no_mandate_overlaps_another_of_its_school_service_and_system(tmp_path: Path) -> None:
    """However many are asked for: later ones are for later school years."""
    lines = _written(tmp_path / "m.csv", 40)
    mandates = {(one["brin"], one["service_code"], one["start_date"], one["end_date"]) for one in lines}
    assert len(mandates) == 40
    for brin, service in {(brin, service) for brin, service, _, _ in mandates}:
        periods = sorted((start, end) for b, s, start, end in mandates if (b, s) == (brin, service))
        assert all(end < start for (_, end), (start, _) in pairwise(periods))


def test_what_the_story_tells_itself_is_not_imported(tmp_path: Path) -> None:
    """The branched school's VVA and RIO and the shared school's VVA are left to the story."""
    told = {(one["brin"], one["service_code"]) for one in _written(tmp_path / "m.csv", 9)}
    assert ("00AA", "VVA") not in told
    assert ("00AA", "RIO") not in told
    assert ("00BB", "VVA") not in told
    assert len(told) == 9


@pytest.mark.parametrize(
    ("today", "start", "end"),
    [
        (date(2026, 7, 31), "2025-08-01", "2026-07-31"),
        (date(2026, 8, 1), "2026-08-01", "2027-07-31"),
        (date(2027, 1, 1), "2026-08-01", "2027-07-31"),
    ],
)
def test_a_first_mandate_is_for_this_school_year(tmp_path: Path, today: date, start: str, end: str) -> None:
    """The school year ends on 31 July, that day included; any day of it makes the same file."""
    (line,) = _written(tmp_path / "m.csv", 1, today)
    assert (line["start_date"], line["end_date"]) == (start, end)


def test_all_is_settled_when_two_looks_in_a_row_find_nothing() -> None:
    """One look's numbers are not of one moment, so one is not believed."""
    course = SettlingProgress(0.0)
    assert course.add(NOTHING, 1.0) is None
    assert course.add(SOMETHING, 2.0) is None
    assert course.add(NOTHING, 3.0) is None
    settled = course.add(NOTHING, 4.0)
    assert settled is not None
    assert (settled.taken_at, settled.processed_at) == (1.0, 3.0)


def test_it_is_late_when_nothing_becomes_less() -> None:
    """Slow is not late: only standing still is."""
    course = SettlingProgress(0.0)
    course.add(SOMETHING, 50.0)
    assert not course.is_late(50.0 + STALLED_SECONDS)
    assert course.is_late(50.1 + STALLED_SECONDS)
