"""Laws of the rate gate: a receiver is never sent more in a minute than it allowed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.forwarding.webhooks import RateGate

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@given(
    st.integers(1, 6000),
    st.lists(st.tuples(st.floats(0, 30), st.integers(0, 300)), max_size=60),
)
def test_no_minute_holds_more_than_was_allowed(rate: int, asks: list[tuple[float, int]]) -> None:
    """However the asking comes, in bursts and after pauses; whoever asks first sends only where there is room."""
    gate, at, sent = RateGate(rate), START, list[datetime]()
    for pause, wanted in asks:
        at += timedelta(seconds=pause)
        for _ in range(min(wanted, gate.room(at))):
            gate.take(at)
            sent.append(at)
    for first in set(sent):
        assert sum(1 for moment in sent if first <= moment < first + MINUTE) <= rate


@pytest.mark.parametrize("rate", [1, 7, 60, 120, 600, 6000])
def test_what_is_allowed_can_be_had(rate: int) -> None:
    """Asked every tenth of a second for ten minutes, at least nine tenths of the rate goes."""
    gate, sent = RateGate(rate), 0
    for tick in range(6000):
        at = START + timedelta(seconds=tick / 10)
        for _ in range(gate.room(at)):
            gate.take(at)
            sent += 1
    assert 9 * rate <= sent <= 10 * rate


def test_the_wait_that_is_told_is_enough() -> None:
    """After it there is room, a moment before there is not."""
    gate = RateGate(30)
    gate.take(START)
    wait = gate.seconds_to_wait(START)
    assert wait == pytest.approx(2.0)
    assert gate.room(START + timedelta(seconds=wait - 0.01)) == 0
    assert gate.room(START + timedelta(seconds=wait + 0.001)) == 1
    assert gate.seconds_to_wait(START + timedelta(seconds=wait + 0.001)) == 0


def test_a_change_forgives_nothing() -> None:
    """Another rate, because another forwarder came, fills no gate."""
    gate = RateGate(600)
    for _ in range(10):
        gate.take(START)
    gate.change(300)
    assert gate.room(START) == 0
    assert gate.room(START + timedelta(minutes=1)) == 5


def test_what_went_without_asking_is_made_good() -> None:
    """Ten messages too many are ten messages less afterwards."""
    gate = RateGate(60)
    for _ in range(11):
        gate.take(START)
    assert gate.room(START + timedelta(seconds=10)) == 0
    assert gate.room(START + timedelta(seconds=11.1)) == 1


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    """Time that did not pass fills nothing."""
    gate = RateGate(60)
    gate.take(START)
    assert gate.room(START - timedelta(hours=1)) == 0
