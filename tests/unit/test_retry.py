"""When to try again: the visible schedule, refusals, and ends of mandates that never die in silence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.circuit import QUEUE, WEBHOOK, after_failures, opened, rotates
from hub.domain.delivery import Gone, Refused, RetryLater
from hub.domain.retry import DAILY, SCHEDULE, AttemptHistory, Disable, GiveUp, Misconfigured, TryAgain, verdict

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
AWAY = RetryLater(at=NOON, error="connection refused", duration_ms=3)
REFUSED = Refused(at=NOON, error="400 Bad Request", duration_ms=3, http_status=400)


def past(
    attempts: int, *, refusals: int = 0, is_end: bool = False, accepted_at: datetime | None = None
) -> AttemptHistory:
    """Make the past of a delivery that was first refused, if ever, an hour ago."""
    since = NOON - timedelta(hours=1) if refusals else None
    return AttemptHistory(
        attempts=attempts, refusals=refusals, refused_since=since, is_end=is_end, accepted_at=accepted_at
    )


def test_the_schedule_is_the_standards_own() -> None:
    """Nine waits, 75 hours 35 minutes and 5 seconds in all."""
    assert SCHEDULE == (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
    assert sum(SCHEDULE) == 75 * 3600 + 35 * 60 + 5


@pytest.mark.parametrize("attempt", range(1, 10))
def test_absence_is_retried_by_the_schedule(attempt: int) -> None:
    """The n-th failure waits for the n-th entry; a draw of a half adds no jitter."""
    assert verdict(AWAY, past(attempt)) == TryAgain(NOON + timedelta(seconds=SCHEDULE[attempt - 1]))


@given(st.integers(1, 9), st.floats(0, 1, exclude_max=True))
def test_jitter_stays_within_a_fifth(attempt: int, draw: float) -> None:
    """Nobody waits less than four fifths or more than six fifths of the entry."""
    again = verdict(AWAY, past(attempt), draw=draw)
    assert isinstance(again, TryAgain)
    wait = (again.at - NOON).total_seconds()
    assert 0.8 * SCHEDULE[attempt - 1] <= wait <= 1.2 * SCHEDULE[attempt - 1] + 1e-6


def test_the_receivers_own_wish_is_obeyed_up_to_a_day() -> None:
    """Retry-After lengthens a wait, never shortens it, and not beyond a day."""
    wish = RetryLater(at=NOON, error="429", duration_ms=1, http_status=429, after=60)
    assert verdict(wish, past(1)) == TryAgain(NOON + timedelta(seconds=60))
    assert verdict(wish, past(2)) == TryAgain(NOON + timedelta(seconds=300))
    greedy = RetryLater(at=NOON, error="503", duration_ms=1, http_status=503, after=1e9)
    assert verdict(greedy, past(1)) == TryAgain(NOON + timedelta(days=1))


def test_after_the_schedule_it_is_given_up_but_the_end_of_a_mandate_is_tried_daily() -> None:
    """An authorisation that ended is told until a person says stop."""
    assert verdict(AWAY, past(10)) == GiveUp("exhausted")
    assert verdict(AWAY, past(10, is_end=True)) == TryAgain(NOON + timedelta(seconds=DAILY))
    assert verdict(AWAY, past(99, is_end=True)) == TryAgain(NOON + timedelta(seconds=DAILY))


def test_a_refusal_is_tried_three_times_in_ten_minutes() -> None:
    """150 and 450 seconds, then a decision."""
    assert verdict(REFUSED, past(1, refusals=1)) == TryAgain(NOON + timedelta(seconds=150))
    assert verdict(REFUSED, past(2, refusals=2)) == TryAgain(NOON + timedelta(seconds=450))


def test_refusals_and_absences_do_not_eat_each_others_tries() -> None:
    """Whoever was away for hours gets three tries when it says no; who said no gets the whole schedule when away."""
    assert verdict(REFUSED, past(6, refusals=1, accepted_at=NOON)) == TryAgain(NOON + timedelta(seconds=150))
    assert verdict(AWAY, past(3, refusals=2)) == TryAgain(NOON + timedelta(seconds=SCHEDULE[0]))
    assert verdict(AWAY, past(12, refusals=2)) == GiveUp("exhausted")


def test_one_refused_message_dies_only_where_others_are_taken() -> None:
    """An expired token must not kill a backlog."""
    meanwhile = NOON - timedelta(minutes=1)
    assert verdict(REFUSED, past(3, refusals=3, accepted_at=meanwhile)) == GiveUp("refused")
    for before in (None, NOON - timedelta(hours=2), NOON - timedelta(hours=1)):
        assert verdict(REFUSED, past(3, refusals=3, accepted_at=before)) == Misconfigured("400 Bad Request")
    end = verdict(REFUSED, past(3, refusals=3, is_end=True, accepted_at=meanwhile))
    assert end == TryAgain(NOON + timedelta(seconds=DAILY))


def test_gone_disables() -> None:
    """410 is a decision of the receiver."""
    assert verdict(Gone(at=NOON, error="410 Gone", duration_ms=1), past(1)) == Disable("410 Gone")


def test_a_run_of_failures_opens_the_circuit_and_probes_get_rarer() -> None:
    """Ten in a row; then a probe after 1, 2, 5, 10, 30, 60 and again 60 seconds."""
    assert after_failures(WEBHOOK, 9, 0, AWAY) is None
    opening = after_failures(WEBHOOK, 10, 0, AWAY)
    assert opening is not None
    assert (opening.cause, opening.probe_at) == ("unreachable", NOON + timedelta(seconds=1))
    refused = after_failures(WEBHOOK, 10, 0, REFUSED)
    assert refused is not None
    assert refused.cause == "misconfigured"
    waits = [(opened(WEBHOOK, "unreachable", n, AWAY).probe_at - NOON).total_seconds() for n in range(8)]
    assert waits == [1, 2, 5, 10, 30, 60, 60, 60]


def test_no_probe_goes_before_the_moment_that_the_receiver_named() -> None:
    """Retry-After holds for a circuit too, up to a day; a probe is never earlier for it."""
    for wish, wait in ((3600.0, 3600.0), (1e9, 86400.0), (0.5, 1.0), (None, 1.0)):
        busy = RetryLater(at=NOON, error="503", duration_ms=1, http_status=503, after=wish)
        assert opened(WEBHOOK, "unreachable", 0, busy).probe_at == NOON + timedelta(seconds=wait)


def test_each_fourth_probe_is_another_message() -> None:
    """One message that a receiver chokes on does not keep all others from it for ever."""
    assert [n for n in range(1, 13) if rotates(n)] == [4, 8, 12]


def test_a_queue_that_takes_nothing_is_asked_each_second() -> None:
    """A broker is away for all its lanes: the first failure opens the circuit."""
    opening = after_failures(QUEUE, 1, 0, AWAY)
    assert opening is not None
    waits = [(opened(QUEUE, "unreachable", n, AWAY).probe_at - NOON).total_seconds() for n in range(3)]
    assert waits == [0.5, 1, 1]
