"""Laws of the allowance: never more than it says, never less, and never more memory than it may have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.domain.bucket import Allowance, Buckets


@given(st.integers(1, 50), st.integers(1, 20), st.lists(st.floats(0, 0.5), max_size=200))
def test_nobody_gets_more_than_a_burst_and_the_rate(rate: int, burst: int, pauses: list[float]) -> None:
    """Whatever the pauses: what was let through up to any moment is at most the burst and the rate times the time."""
    buckets, now, let = Buckets(Allowance(rate=rate, burst=burst), 5), 100.0, 0
    for pause in pauses:
        now += pause
        let += not buckets.take("a", now)
        assert let <= burst + rate * (now - 100.0) + 1e-6


@given(st.integers(1, 50), st.integers(1, 20), st.integers(1, 100))
def test_who_waits_as_long_as_was_said_is_let_through(rate: int, burst: int, asked: int) -> None:
    """A refusal says exactly how long; what is refused costs nothing."""
    buckets = Buckets(Allowance(rate=rate, burst=burst), 5)
    wait = max(buckets.take("a", 0.0) for _ in range(burst + asked))
    assert 0 < wait <= 1 / rate
    assert buckets.take("a", wait + 1e-9) == 0


def test_callers_do_not_count_for_each_other_and_few_are_remembered() -> None:
    """One who asks too much leaves others alone; who asked longest ago is forgotten first."""
    buckets = Buckets(Allowance(rate=1, burst=1), 3)
    assert [buckets.take(who, 0.0) for who in "aab"] == [0, 1.0, 0]
    for n in range(1000):
        buckets.take(f"stranger {n}", 0.0)
    assert len(buckets) == 3
    assert buckets.take("stranger 999", 0.0) > 0
    assert buckets.take("a", 0.0) == 0


def test_no_rate_is_no_limit() -> None:
    """And remembers nobody."""
    buckets = Buckets(Allowance(rate=0, burst=1), 3)
    assert {buckets.take("a", 0.0) for _ in range(100)} == {0.0}
    assert len(buckets) == 0
