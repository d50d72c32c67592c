"""The age of a delivery, by whose turn it was; and how objectives are met."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.age import AgeParts, DeliveryMoments, split_age
from hub.domain.objective import Objective, ObjectiveCounts, Overdue, attain

T0 = datetime(2026, 11, 29, 8, tzinfo=UTC)
MOMENTS = st.none() | st.integers(-5000, 5000).map(lambda n: T0 + timedelta(seconds=n))


def at(seconds: int) -> datetime:
    """Return a moment so many seconds after the change was recorded."""
    return T0 + timedelta(seconds=seconds)


@given(
    st.builds(
        DeliveryMoments,
        recorded_at=MOMENTS.filter(bool),
        failing_since=MOMENTS,
        held_from=MOMENTS,
        held_until=MOMENTS,
        delivered_at=MOMENTS,
        school_since=MOMENTS,
        unread_since=MOMENTS,
    ),
    MOMENTS.filter(bool),
)
def test_the_parts_of_an_age_add_up_to_it(moments: DeliveryMoments, now: datetime) -> None:
    """Whatever happened in whichever order, each second is somebody's, and nobody's is negative."""
    parts = split_age(moments, now)
    each = (parts.hub, parts.held, parts.receiver, parts.back_office, parts.school)
    assert all(seconds >= 0 for seconds in each)
    start = min(moments.recorded_at, moments.delivered_at or now)
    assert sum(each) == pytest.approx(max((now - start).total_seconds(), 0.0))


@pytest.mark.parametrize(
    ("moments", "parts"),
    [
        (DeliveryMoments(recorded_at=T0), AgeParts(hub=100)),
        (DeliveryMoments(recorded_at=T0, failing_since=at(10)), AgeParts(hub=10, receiver=90)),
        (DeliveryMoments(recorded_at=T0, held_from=at(-50)), AgeParts(held=100)),
        (DeliveryMoments(recorded_at=T0, held_from=at(20), held_until=at(60)), AgeParts(hub=60, held=40)),
        (
            DeliveryMoments(recorded_at=T0, failing_since=at(10), held_from=at(30)),
            AgeParts(hub=10, receiver=20, held=70),
        ),
        (DeliveryMoments(recorded_at=T0, delivered_at=at(1)), AgeParts(hub=1, back_office=99)),
        (
            DeliveryMoments(recorded_at=T0, delivered_at=at(1), school_since=at(11)),
            AgeParts(hub=1, back_office=10, school=89),
        ),
        (DeliveryMoments(recorded_at=T0, delivered_at=at(1), unread_since=at(61)), AgeParts(hub=40, back_office=60)),
        (
            DeliveryMoments(recorded_at=T0, delivered_at=at(1), school_since=at(11), unread_since=at(61)),
            AgeParts(hub=40, back_office=10, school=50),
        ),
    ],
)
def test_whose_turn_it_was(moments: DeliveryMoments, parts: AgeParts) -> None:
    """The hub's until the first failure, the holder's, the receiver's, its back office's, the school's."""
    assert split_age(moments, at(100)) == parts


def test_an_objective_is_met_or_burns() -> None:
    """The share of a month, and how fast the last hours use up what may miss it; unknown while nothing was measured."""
    nothing = attain(Objective(), ObjectiveCounts())
    assert (nothing.met_share, nothing.burn_rate) == (None, None)
    found = attain(Objective(share=0.95), ObjectiveCounts(month=1000, month_met=998, hour=100, hour_met=90))
    assert found.met_share == pytest.approx(0.998)
    assert found.burn_rate == pytest.approx(2.0)
    assert [Objective().limit(hop) for hop in ("publish", "plan", "transport", "processing")] == [
        None, None, 60.0, 172_800.0
    ]  # fmt: skip


COUNTS = st.builds(
    lambda met, missed, hour_met, hour_missed: ObjectiveCounts(
        month=met + missed + hour_met + hour_missed,
        month_met=met + hour_met,
        hour=hour_met + hour_missed,
        hour_met=hour_met,
    ),
    *(st.integers(0, 10_000),) * 4,
)
OVERDUE = st.builds(Overdue, transport=st.integers(0, 1000), processing=st.integers(0, 1000))


@given(COUNTS, OVERDUE, st.floats(0.01, 0.999))
def test_what_is_overdue_never_raises_the_share(counts: ObjectiveCounts, overdue: Overdue, share: float) -> None:
    """The share and the budget only fall by it, the burn rate only rises, and a share stays a share."""
    without, found = attain(Objective(share=share), counts), attain(Objective(share=share), counts, overdue)
    if overdue.count:
        assert found.met_share is not None
        assert found.burn_rate is not None
    for before, after in ((without.met_share, found.met_share), (without.budget_left, found.budget_left)):
        assert before is None or (after is not None and after <= before)
    assert without.burn_rate is None or (found.burn_rate is not None and found.burn_rate >= without.burn_rate)
    assert found.met_share is None or 0 <= found.met_share <= 1


@given(COUNTS, OVERDUE)
def test_what_is_overdue_counts_as_if_it_were_done_now(counts: ObjectiveCounts, overdue: Overdue) -> None:
    """When it is done, too late, the counters have it instead, and the share stays what it was."""
    n = overdue.count
    done = ObjectiveCounts(
        month=counts.month + n, month_met=counts.month_met, hour=counts.hour + n, hour_met=counts.hour_met
    )
    late, later = attain(Objective(), counts, overdue), attain(Objective(), done)
    assert (late.met_share, late.burn_rate, late.budget_left) == (later.met_share, later.burn_rate, later.budget_left)


def test_an_error_budget_is_used_up_by_what_waits() -> None:
    """Nothing is left when the share is just met, and less than nothing below it."""
    counts = ObjectiveCounts(month=95, month_met=95, hour=0, hour_met=0)
    found = attain(Objective(share=0.95), counts, Overdue(transport=3, processing=2))
    assert found.met_share == pytest.approx(0.95)
    assert found.burn_rate == pytest.approx(20.0)
    assert found.budget_left == pytest.approx(0.0)
    assert Overdue(transport=9, processing=4, is_at_least=True).within(2, 5) == Overdue(
        transport=2, processing=4, is_at_least=True
    )
