"""Laws of acts on many deliveries: what is counted, who agrees, and the pace that is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.access.rules import Objection, objection
from hub.domain.bulk import (
    NO_RECENT_VOLUME,
    BulkState,
    RecentVolume,
    SelectedUnit,
    approval_reason,
    batch_size,
    estimate,
    first_state,
    pause_after,
)

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
RATES = st.integers(1, 10_000)


def choice(n: int, matched: int = 1, *, is_end: bool = False) -> SelectedUnit:
    """Make a choice of the unit of this number."""
    return SelectedUnit(
        unit=(1, "18DS", UUID(int=n), ""),
        sequence=n,
        delivery_id=UUID(int=n),
        mandate_version=1,
        matched=matched,
        is_end=is_end,
    )


def test_what_a_newer_state_stands_for_is_superseded() -> None:
    """Three deliveries of one unit get one message; a unit whose state waits already gets none."""
    counted = estimate(
        [choice(1, 3), choice(2, 1, is_end=True), choice(3, 2)], {(1, "18DS", UUID(int=n), "") for n in (1, 2)}
    )
    assert (counted.matched, len(counted.todo), counted.superseded, counted.ends) == (6, 2, 4, 1)


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=30))
def test_matched_is_always_superseded_and_to_do(drawn: list[tuple[int, bool]]) -> None:
    """Whatever is chosen and whatever is concerned."""
    choices = [choice(n, matched) for n, (matched, _) in enumerate(drawn)]
    concerned = {(1, "18DS", UUID(int=n), "") for n, (_, is_concerned) in enumerate(drawn) if is_concerned}
    counted = estimate(choices, concerned)
    assert counted.matched == counted.superseded + len(counted.todo) == sum(matched for matched, _ in drawn)
    assert {c.unit for c in counted.todo} == concerned


@pytest.mark.parametrize(
    ("todo", "above", "expected"),
    [
        (0, 0, BulkState.DONE), (0, 1000, BulkState.DONE), (1, 0, BulkState.AWAITING_APPROVAL),
        (1000, 1000, BulkState.RUNNING), (1001, 1000, BulkState.AWAITING_APPROVAL),
    ],
)  # fmt: skip
def test_above_the_threshold_a_second_person_is_awaited(todo: int, above: int, expected: BulkState) -> None:
    """And what comes to nothing is done at once."""
    assert first_state(todo, NO_RECENT_VOLUME, above) is expected


@given(st.lists(st.integers(0, 400), max_size=12), st.integers(0, 1000))
def test_many_small_acts_of_one_person_count_as_the_large_one_they_make(sizes: list[int], above: int) -> None:
    """However a large one is split: what begins alone is never more than the threshold."""
    alone = 0
    for todo in sizes:
        if first_state(todo, RecentVolume(deliveries=alone, since=NOW), above) is BulkState.RUNNING:
            alone += todo
        else:
            assert alone + todo > above or not todo
    assert alone <= above


def test_why_another_is_needed_is_said_in_words() -> None:
    """How many were begun already, and since when; or only how many these are."""
    assert approval_reason(7, NO_RECENT_VOLUME) == "7 deliveries at once is too much for one person alone"
    assert approval_reason(7, RecentVolume(deliveries=995, since=NOW)) == (
        "the requester has begun 995 deliveries alone since 2026-11-23T09:00:00.000Z, and with 7 more that is too much "
        "for one person in 24 hours"
    )


@pytest.mark.parametrize("state", BulkState)
def test_whoever_asked_never_approves(state: BulkState) -> None:
    """In no state; and another person only what waits for one."""
    assert objection(state, "a", "a") is not None
    expected = None if state is BulkState.AWAITING_APPROVAL else Objection.NOT_AWAITED
    assert objection(state, "a", "b") is expected


@given(rate=RATES, done=st.lists(st.integers(0, 200), min_size=1, max_size=60))
def test_no_second_sees_more_than_the_rate(rate: int, done: list[int]) -> None:
    """However much of each portion needed something: turn after turn as soon as it may come, one second long."""
    at, turns = NOW, []
    for share in done:
        n = min(share, batch_size(rate))
        turns.append((at, n))
        at += pause_after(n, rate)
    for start, _ in turns:
        assert sum(n for moment, n in turns if start <= moment < start + timedelta(seconds=1)) <= rate


@pytest.mark.parametrize(("rate", "together"), [(1, 1), (3, 1), (10, 2), (50, 10), (1000, 200), (10_000, 200)])
def test_the_rate_that_was_asked_for_is_reached(rate: int, together: int) -> None:
    """So many at once, so often that a second is filled."""
    assert batch_size(rate) == together
    assert pause_after(together, rate) * (rate // together) == pytest.approx(
        timedelta(seconds=1), abs=timedelta(milliseconds=1)
    )
