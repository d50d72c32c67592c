"""Work beside a loop takes a share of the loop's time, and comes back after a stall."""

from __future__ import annotations

import pytest

from hub.processes.side_work import SideWork


class SteppedClock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        """Return the seconds so far."""
        return self.seconds


def pause_after(work: SideWork, clock: SteppedClock, seconds: float) -> float:
    """Work for some seconds and return how long the work is not due then, in whole seconds."""
    with work.working():
        clock.seconds += seconds
    began = clock.seconds
    while not work.is_due:
        clock.seconds += 1
    return clock.seconds - began


def test_work_takes_its_share() -> None:
    """After a tenth of a second at a hundredth of the time, ten seconds pass."""
    clock = SteppedClock()
    assert pause_after(SideWork(0.01, longest=60.0, clock=clock), clock, 0.1) == pytest.approx(10, abs=1)


def test_a_stall_is_forgotten_after_the_longest_pause() -> None:
    """A stall of five seconds does not put the work off for 500."""
    clock = SteppedClock()
    assert pause_after(SideWork(0.01, longest=60.0, clock=clock), clock, 5.0) == 60


def test_short_work_waits_for_the_shortest_pause() -> None:
    """Work that takes no time is not done at each turn of its loop."""
    clock = SteppedClock()
    assert pause_after(SideWork(0.01, shortest=5.0, longest=60.0, clock=clock), clock, 0.0) == 5


def test_the_first_pause_is_the_shortest() -> None:
    """Work without a shortest pause is due at once, other work after that pause."""
    clock = SteppedClock()
    at_once, later = SideWork(0.01, longest=5.0, clock=clock), SideWork(0.01, shortest=5.0, longest=60.0, clock=clock)
    assert (at_once.is_due, later.is_due) == (True, False)
    clock.seconds += 5
    assert later.is_due


def test_only_the_work_counts() -> None:
    """What the loop does before and after is no part of the work."""
    clock = SteppedClock()
    work = SideWork(0.01, longest=60.0, clock=clock)
    clock.seconds += 30
    assert pause_after(work, clock, 0.02) == pytest.approx(2, abs=1)


def test_work_that_failed_pauses_as_well() -> None:
    """A failure after a second counts as a second of work."""
    clock = SteppedClock()
    work = SideWork(0.1, longest=60.0, clock=clock)

    def fail() -> None:
        with work.working():
            clock.seconds += 1
            raise TimeoutError

    with pytest.raises(TimeoutError):
        fail()
    clock.seconds += 9
    assert not work.is_due
    clock.seconds += 1
    assert work.is_due
