"""Laws of pauses: a fault of the hub stops what it hits, for a moment that doubles, in one line of the log each."""

from __future__ import annotations

from datetime import UTC, datetime

from structlog.testing import capture_logs

from consumers.forwarding.destination import Destination
from consumers.forwarding.pauses import Pauses
from hub.domain.delivery import NotAttempted

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ONE = Destination(id=1, name="las:one", kind="las", topic=None)
OTHER = Destination(id=2, name="las:other", kind="las", topic=None)


class Clock:
    """A clock that is set by hand."""

    at = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.at


def fault(*, is_general: bool) -> NotAttempted:
    """Make a fault of the hub."""
    return NotAttempted(at=NOON, error="no more files", next_step="raise the limit", is_general=is_general)


def test_a_general_fault_holds_all_and_another_only_its_destination() -> None:
    """The others go on where they can."""
    pauses = Pauses(Clock())
    pauses.begin(ONE, fault(is_general=False))
    assert (pauses.holds(1), pauses.holds(2)) == (True, False)
    pauses.begin(ONE, fault(is_general=True))
    assert (pauses.holds(1), pauses.holds(2)) == (True, True)


def test_a_pause_doubles_while_the_fault_lasts_and_begins_anew_after_a_success() -> None:
    """One line a pause, however many attempts ran into it."""
    clock = Clock()
    pauses = Pauses(clock)
    lengths = []
    with capture_logs() as lines:
        for _ in range(6):
            for _ in range(50):
                pauses.begin(ONE, fault(is_general=True))
            began = clock.at
            while pauses.holds(1):
                clock.at += 0.5
            lengths.append(clock.at - began)
        pauses.succeed(OTHER.id)
        pauses.begin(ONE, fault(is_general=True))
    assert lengths == [1, 2, 4, 8, 15, 15]
    paused = [line for line in lines if line["event"] == "sending.paused"]
    assert len(paused) == 7
    assert paused[0] == {
        "event": "sending.paused",
        "log_level": "error",
        "destination": "all",
        "error": "no more files",
        "next": "raise the limit; tried again in 1 s",
    }
    assert paused[-1]["next"] == "raise the limit; tried again in 1 s"


def test_a_success_before_the_pause_is_over_ends_nothing() -> None:
    """What was on its way already says nothing about new connections."""
    pauses = Pauses(Clock())
    pauses.begin(ONE, fault(is_general=True))
    pauses.succeed(1)
    assert pauses.holds(1)
