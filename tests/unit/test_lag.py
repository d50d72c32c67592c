"""Lateness: hops, percentiles, whose turn it is, and what an operator is told; expectations written by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.cause import Cause, CircuitState, DestinationState, DestinationStatus, FailedTransport, cause_of
from hub.domain.durations import mark_of, seconds_of
from hub.domain.lag import BOUNDS, HopSeconds, Moments, bucket_of, hop_seconds, measure, percentile
from hub.domain.says import Language, age, explain

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    """Give a moment after noon."""
    return NOON + timedelta(seconds=seconds)


def test_each_hop_ends_where_the_next_begins() -> None:
    """Recorded, published, planned, taken, processed."""
    moments = Moments(
        recorded_at=NOON, published_at=after(1), planned_at=after(3), delivered_at=after(7), processed_at=after(15)
    )
    assert measure(moments) == HopSeconds(publish=1.0, plan=2.0, transport=4.0, processing=8.0)


def test_a_hop_that_is_not_known_has_no_seconds() -> None:
    """Without a bell the plan hop starts at the record; what did not happen yet is unknown."""
    moments = Moments(recorded_at=NOON, published_at=None, planned_at=after(3), delivered_at=None, processed_at=None)
    assert measure(moments) == HopSeconds(publish=None, plan=3.0, transport=None, processing=None)


def test_a_replay_is_not_late_since_its_event() -> None:
    """What stands for the current state has no publish and no plan hop."""
    moments = Moments(
        recorded_at=None, published_at=None, planned_at=after(3), delivered_at=after(5), processed_at=None
    )
    assert measure(moments) == HopSeconds(publish=None, plan=None, transport=2.0, processing=None)


def test_time_does_not_run_backwards() -> None:
    """Two clocks that disagree give zero."""
    assert hop_seconds(after(1), NOON) == 0.0


@given(st.floats(min_value=0, max_value=1e9))
def test_a_bucket_holds_what_lies_up_to_its_bound(seconds: float) -> None:
    """Above the bound below it, and not above its own."""
    bucket = bucket_of(seconds)
    assert bucket == len(BOUNDS) or seconds <= BOUNDS[bucket]
    assert bucket == 0 or seconds > BOUNDS[bucket - 1]


def histogram(**counts: int) -> list[int]:
    """Make buckets: `b0=2` puts two into the first."""
    buckets = [0] * (len(BOUNDS) + 1)
    for name, n in counts.items():
        buckets[int(name[1:])] = n
    return buckets


@pytest.mark.parametrize(
    ("buckets", "share", "expected"),
    [
        (histogram(), 0.5, None),
        (histogram(b0=4), 0.5, 0.0005),
        (histogram(b0=4), 1.0, 0.001),
        (histogram(b0=1, b1=1), 0.5, 0.001),
        (histogram(b0=1, b1=1), 0.75, 0.0015),
        (histogram(b12=10), 0.5, 0.75),
        (histogram(b25=3), 0.99, 604800.0),
    ],
)
def test_a_percentile_lies_evenly_inside_its_bucket(buckets: list[int], share: float, expected: float | None) -> None:
    """And what is above all bounds counts as the last bound."""
    assert percentile(buckets, share) == (None if expected is None else pytest.approx(expected))


@given(st.lists(st.floats(min_value=0, max_value=600_000), min_size=1, max_size=50))
def test_a_percentile_is_in_the_bucket_of_the_true_one(seconds: list[float]) -> None:
    """Never further off than one bucket is wide."""
    buckets = histogram()
    for each in seconds:
        buckets[bucket_of(each)] += 1
    true = sorted(seconds)[max(-(-len(seconds) // 2) - 1, 0)]
    found = percentile(buckets, 0.5)
    assert found is not None
    low = BOUNDS[bucket_of(true) - 1] if bucket_of(true) else 0.0
    assert low <= found <= BOUNDS[bucket_of(true)]


@given(st.floats(min_value=0.00011, max_value=1e9))
def test_a_mark_is_within_one_percent(seconds: float) -> None:
    """From a tenth of a millisecond on, whatever the duration."""
    assert seconds_of(mark_of(seconds)) == pytest.approx(seconds, rel=0.01)


@given(st.floats(min_value=0, max_value=1e12), st.floats(min_value=0, max_value=1e12))
def test_marks_keep_the_order_of_durations(one: float, other: float) -> None:
    """A longer duration has no lower mark, and every mark fits its column."""
    assert one > other or mark_of(one) <= mark_of(other)
    assert 0 <= mark_of(one) < 2**15


DUO, LAS = "duo:rio", "las:00000099000000001000"


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (DestinationStatus(name=DUO), Cause.NONE),
        (DestinationStatus(name=DUO, waiting=9, oldest_undelivered=4.9), Cause.NONE),
        (DestinationStatus(name=DUO, waiting=9, oldest_undelivered=5.1), Cause.HUB),
        (DestinationStatus(name=DUO, waiting=9, oldest_undelivered=5.1, in_flight=3), Cause.HUB),
        (DestinationStatus(name=LAS, waiting=9, oldest_undelivered=5.1, in_flight=3), Cause.RECEIVER_SLOW),
        (DestinationStatus(name=LAS, waiting=9, oldest_undelivered=5.1, in_flight=3, forwarders=0), Cause.HUB),
        (DestinationStatus(name=DUO, oldest_unplanned=6.0), Cause.HUB),
        (DestinationStatus(name=LAS, retrying=1), Cause.RECEIVER_DOWN),
        (
            DestinationStatus(name=LAS, retrying=1, failing=FailedTransport(was_refused=False, error="x")),
            Cause.RECEIVER_DOWN,
        ),
        (DestinationStatus(name=LAS, retrying=1, failing=FailedTransport(was_refused=True, error="x")), Cause.REFUSED),
        (DestinationStatus(name=LAS, circuit=CircuitState.OPEN), Cause.RECEIVER_DOWN),
        (DestinationStatus(name=LAS, circuit=CircuitState.HALF_OPEN, circuit_is_misconfigured=True), Cause.REFUSED),
        (DestinationStatus(name=LAS, state=DestinationState.HELD), Cause.HELD),
        (DestinationStatus(name=LAS, state=DestinationState.HELD, circuit=CircuitState.OPEN), Cause.HELD),
        (DestinationStatus(name=DUO, state=DestinationState.HELD, held=9, retrying=1), Cause.RECEIVER_DOWN),
        (
            DestinationStatus(name=DUO, state=DestinationState.HELD, held=9, waiting=1, oldest_undelivered=1.0),
            Cause.HELD,
        ),
        (DestinationStatus(name=LAS, state=DestinationState.NO_RECEIVER), Cause.NONE),
        (DestinationStatus(name=LAS, state=DestinationState.NO_RECEIVER, held=2), Cause.NO_RECEIVER),
        (DestinationStatus(name=DUO, held=2), Cause.HELD),
        (DestinationStatus(name=DUO, unprocessed=1, oldest_unprocessed=172_799.0), Cause.NONE),
        (DestinationStatus(name=DUO, unprocessed=1, oldest_unprocessed=172_801.0), Cause.BACK_OFFICE),
        (
            DestinationStatus(name=DUO, unprocessed=1, oldest_unprocessed=9.0, processing_objective=8.0),
            Cause.BACK_OFFICE,
        ),
        (DestinationStatus(name=DUO, retrying=1, unprocessed=1, oldest_unprocessed=11.0), Cause.RECEIVER_DOWN),
    ],
)
def test_the_first_hindrance_on_the_way_is_the_cause(standing: DestinationStatus, expected: Cause) -> None:
    """Held, then transport, then the hub, then the back office."""
    assert cause_of(standing) is expected


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_words_in_both_languages(cause: Cause, language: Language) -> None:
    """Whatever the numbers are, a sentence comes out that ends."""
    for standing in (
        DestinationStatus(name=DUO),
        DestinationStatus(name=LAS, forwarders=0, held=1, state=DestinationState.HELD, dead=3),
    ):
        words = explain(cause, standing, language)
        assert words.endswith(".")
        assert "None" not in words


def test_the_words_name_the_destination_the_error_and_what_to_press() -> None:
    """An operator reads what happened, where, and what is next."""
    down = DestinationStatus(name=LAS, retrying=2, circuit=CircuitState.OPEN, circuit_error="connection refused")
    assert explain(Cause.RECEIVER_DOWN, down) == (
        f"{LAS} does not answer (connection refused); 2 messages wait, tried again by itself. Tell its operator."
    )
    error = "the receiver answered 503 Service Unavailable"
    answers = DestinationStatus(name=LAS, shown_as="Kompas, VVA", retrying=2, circuit_error=error)
    assert explain(Cause.RECEIVER_DOWN, answers).startswith("Kompas, VVA answers 503; 2 messages wait")
    assert explain(Cause.RECEIVER_DOWN, answers, Language.DUTCH).startswith("Kompas, VVA antwoordt met fout 503; 2 ")
    assert explain(Cause.RECEIVER_DOWN, down, Language.DUTCH).startswith(f"{LAS} is niet bereikbaar; ")
    held = DestinationStatus(name=DUO, state=DestinationState.HELD, is_held_by_operator=True, held=1)
    assert (
        explain(Cause.HELD, held)
        == "An operator holds it; 1 message waits. `osr-hub release duo:rio --reason …` lets them go."
    )
    old = DestinationStatus(name=DUO, unprocessed=3, oldest_unprocessed=4 * 86400.0)
    assert "for 4 days. Ask DUO, securityservicedesk@duo.nl." in explain(Cause.BACK_OFFICE, old)
    assert "al 4 dagen. Vraag het DUO" in explain(Cause.BACK_OFFICE, old, Language.DUTCH)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "-"), (0.0123, "12 ms"), (4.25, "4.2 s"), (61, "61 s"), (600, "10 min"), (7200, "2 h"), (259200, "3 days")],
)
def test_durations_are_written_as_people_say_them(seconds: float | None, words: str) -> None:
    """Milliseconds, seconds, minutes, hours, days."""
    assert age(seconds) == words
