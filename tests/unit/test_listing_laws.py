"""Laws of files of schools over any sequence of them: found by hypothesis, not by example."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.difference import Difference, closes_too_many, compare
from hub.domain.listing import ListedBranch, ListedSchool, Listing, SchoolSnapshot, apply_listing

BRINS = ("00AA", "00AB", "00AC")
TODAY = date(2026, 11, 23)
EMPTY = SchoolSnapshot(schools={}, branches={}, boards={})
HAND = SchoolSnapshot(
    schools={"99ZZ": ListedSchool(brin="99ZZ", name="Hand", bge_code="40000", sector="po")},
    branches={
        "99ZZ00": ListedBranch(branch="99ZZ00", name="Hand"),
        "00AA09": ListedBranch(branch="00AA09", name="Hand"),
    },
    boards={"40000": None},
)


def listing(kind: str, told: dict[str, tuple[str, frozenset[int]]], *, is_part: bool = False) -> Listing:
    """Make a listing of schools of one kind of education by their board and the numbers of their branches."""
    made = Listing(sector="vo" if kind == "vo" else "po", kinds=frozenset({kind}), is_part=is_part)
    for brin, (board, numbers) in told.items():
        made.boards[brin] = board
        made.branches.update((f"{brin}{number:02d}", f"{kind} {number}") for number in numbers)
    return made


LISTINGS = st.builds(
    listing,
    st.sampled_from(("bo", "sbo", "vo")),
    st.dictionaries(
        st.sampled_from(BRINS),
        st.tuples(st.sampled_from(("40001", "40002")), st.frozensets(st.integers(0, 3), min_size=1)),
    ),
    is_part=st.booleans(),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(LISTINGS, max_size=8))
def test_files_of_several_kinds_never_speak_for_each_other(listings: list[Listing]) -> None:
    """After any files: open is what a kind's newest files list, or what no file ever brought; again is no difference.

    A part of a file adds to what the newest whole file of its kind listed.
    """
    snapshot, listed, ever = HAND, {"bo": set[str](), "sbo": set[str](), "vo": set[str]()}, set[str]()
    for day, each in enumerate(listings):
        today = TODAY + timedelta(days=day)
        before, snapshot = snapshot, apply_listing(snapshot, each, today)
        again = apply_listing(snapshot, each, today + timedelta(days=1))
        assert again == snapshot
        assert compare(snapshot, again, today) == Difference()
        codes = each.boards.keys() | each.branches.keys()
        (kind,) = each.kinds
        listed[kind] = listed[kind] | codes if each.is_part else set(codes)
        ever |= codes
        stands = listed["bo"] | listed["sbo"] | listed["vo"]
        rows: dict[str, ListedSchool | ListedBranch] = {**snapshot.schools, **snapshot.branches}
        assert {code for code, row in rows.items() if row.closed_on is None} == stands | (rows.keys() - ever)
        assert {code for code, row in rows.items() if row.closed_on is not None} == ever - stands
        difference = compare(before, snapshot, today)
        closed = {code for code in rows if rows[code].closed_on == today}
        assert difference.closings <= len(closed)
        assert {entry.code for entry in (*difference.closed, *difference.branches_closed)} <= closed
        assert not (each.is_part and closed)


@pytest.mark.parametrize(("size", "gone"), [(1, 0), (1, 1), (49, 1), (50, 1), (50, 2), (99, 2), (100, 2), (350, 7)])
def test_two_percent_is_not_more_than_two_percent(size: int, gone: int) -> None:
    """As many as two of each hundred close without a word, and not one more."""
    brins = [f"{n % 100:02d}A{chr(65 + n // 100)}" for n in range(size)]
    whole = {brin: ("40001", frozenset({0})) for brin in brins}
    before = apply_listing(EMPTY, listing("bo", whole), TODAY)
    after = apply_listing(before, listing("bo", {brin: whole[brin] for brin in brins[gone:]}), TODAY)
    assert compare(before, after, TODAY).closings == gone
    assert closes_too_many(before, after, {"bo"}, TODAY) == (gone * 50 > size)
