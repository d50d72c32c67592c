"""Laws of a rate per minute: a receiver is never sent more in a minute than it allowed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.bucket import TokenBucket, per_minute

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@given(
    st.integers(1, 6000),
    st.lists(st.tuples(st.floats(0, 30), st.integers(0, 300)), max_size=60),
)
def test_no_minute_holds_more_than_was_allowed(rate: int, asks: list[tuple[float, int]]) -> None:
    """However the asking comes, in bursts and after pauses; whoever asks first sends only where there is room."""
    bucket, at, sent = TokenBucket(per_minute(rate)), START, list[datetime]()
    for pause, wanted in asks:
        at += timedelta(seconds=pause)
        for _ in range(min(wanted, bucket.room(at.timestamp()))):
            bucket.take(at.timestamp())
            sent.append(at)
    for first in set(sent):
        assert sum(1 for moment in sent if first <= moment < first + MINUTE) <= rate


@pytest.mark.parametrize("rate", [1, 7, 60, 120, 600, 6000])
def test_what_is_allowed_can_be_had(rate: int) -> None:
    """Asked every tenth of a second for ten minutes, at least nine tenths of the rate goes."""
    bucket, sent = TokenBucket(per_minute(rate)), 0
    for tick in range(6000):
        at = START + timedelta(seconds=tick / 10)
        for _ in range(bucket.room(at.timestamp())):
            bucket.take(at.timestamp())
            sent += 1
    assert 9 * rate <= sent <= 10 * rate


def test_the_wait_that_is_told_is_enough() -> None:
    """After it there is room, a moment before there is not."""
    bucket = TokenBucket(per_minute(30))
    bucket.take(START.timestamp())
    wait = bucket.wait(START.timestamp())
    assert wait == pytest.approx(2.0)
    assert bucket.room((START + timedelta(seconds=wait - 0.01)).timestamp()) == 0
    assert bucket.room((START + timedelta(seconds=wait + 0.001)).timestamp()) == 1
    assert bucket.wait((START + timedelta(seconds=wait + 0.001)).timestamp()) == 0


def test_a_change_forgives_nothing() -> None:
    """Another rate, because another forwarder came, fills no bucket."""
    bucket = TokenBucket(per_minute(600))
    for _ in range(10):
        bucket.take(START.timestamp())
    bucket.change(per_minute(300))
    assert bucket.room(START.timestamp()) == 0
    assert bucket.room((START + timedelta(minutes=1)).timestamp()) == 5


def test_what_went_without_asking_is_made_good() -> None:
    """Ten messages too many are ten messages less afterwards."""
    bucket = TokenBucket(per_minute(60))
    for _ in range(11):
        bucket.take(START.timestamp())
    assert bucket.room((START + timedelta(seconds=10)).timestamp()) == 0
    assert bucket.room((START + timedelta(seconds=11.1)).timestamp()) == 1


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    """Time that did not pass fills nothing."""
    bucket = TokenBucket(per_minute(60))
    bucket.take(START.timestamp())
    assert bucket.room((START - timedelta(hours=1)).timestamp()) == 0
