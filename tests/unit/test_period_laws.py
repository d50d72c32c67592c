"""Laws of periods, days and the clock: against days counted one by one, over leap days and changes of the clock."""

from __future__ import annotations

import calendar
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import example, given, settings
from hypothesis import strategies as st

from hub import clock
from hub.domain import rules
from hub.domain.change import apply_dates
from hub.domain.kinds import Kind
from hub.domain.mandate import Mandate, is_live, next_date, overlaps, state
from hub.register import moment
from schemas.identifiers import Branch, Brin, Oin, ServiceCode
from schemas.kinds import MandateState

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
LEAP_DAYS = [date(year, 2, 29) for year in (2024, 2028, 2096)]
NO_LEAP_YEAR = date(2100, 2, 28)
EDGES = [*LEAP_DAYS, *(day + timedelta(days=1) for day in LEAP_DAYS), NO_LEAP_YEAR, date(2027, 7, 31), date(2027, 8, 1)]
NEAR_AN_EDGE = st.builds(lambda day, shift: day + timedelta(days=shift), st.sampled_from(EDGES), st.integers(-3, 3))
LENGTHS = st.none() | st.integers(0, 6)
SWITCHES = [
    datetime(year, month, last_sunday, 1, tzinfo=UTC)
    for year in (2024, 2026, 2027, 2028)
    for month in (3, 10)
    for last_sunday in [max(week[6] for week in calendar.monthcalendar(year, month))]
]
"""The moments at which Amsterdam's clock changes."""


@dataclass(frozen=True)
class Days:
    """A period."""

    start_date: date
    end_date: date | None

    def has(self, day: date) -> bool:
        """Say whether a day is in it, both ends included."""
        return self.start_date <= day and (self.end_date is None or day <= self.end_date)


PERIODS = st.builds(
    lambda start, length: Days(start, None if length is None else start + timedelta(days=length)), NEAR_AN_EDGE, LENGTHS
)


def mandate(period: Days) -> Mandate:
    """Make a mandate of a period, of which the calendar has yet to speak."""
    made = Mandate(
        id=UUID(int=1),
        brin=Brin("18DS"),
        service_code=ServiceCode("VVA"),
        supplier_oin=Oin("00000099000000001000"),
        start_date=period.start_date,
        end_date=period.end_date,
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(made, next_date=next_date(made, period.start_date - timedelta(days=1)))


@settings(deadline=None)
@given(PERIODS, PERIODS, NEAR_AN_EDGE)
@example(Days(date(2028, 2, 1), date(2028, 2, 28)), Days(date(2028, 2, 29), None), date(2028, 2, 1))
@example(Days(date(2028, 2, 1), date(2028, 2, 29)), Days(date(2028, 2, 29), None), date(2028, 2, 1))
def test_periods_overlap_when_they_share_a_day_from_today_on(one: Days, other: Days, today: date) -> None:
    """Both ends count, the past does not, and it does not matter which is asked first."""
    first = max(one.start_date, other.start_date, today)
    shared = any(one.has(first + timedelta(days=n)) and other.has(first + timedelta(days=n)) for n in range(8))
    assert overlaps(one, other, today) == overlaps(other, one, today) == shared


@settings(deadline=None)
@given(PERIODS, PERIODS, NEAR_AN_EDGE)
def test_two_of_one_system_never_share_a_day(one: Days, other: Days, today: date) -> None:
    """A wish is refused exactly when there is a day, today or later, on which the system would have two mandates."""
    wanted, there = mandate(one), replace(mandate(other), id=UUID(int=2))
    first = max(one.start_date, other.start_date, today)
    shared = any(one.has(day) and other.has(day) for day in (first + timedelta(days=n) for n in range(8)))
    assert bool(list(rules.check_overlap(wanted, [there], today))) == shared


@settings(deadline=None)
@given(NEAR_AN_EDGE, LENGTHS, NEAR_AN_EDGE, st.booleans())
def test_dates_are_refused_for_what_is_wrong_with_them(
    start: date,
    length: int | None,
    today: date,
    may_be_past: bool,  # noqa: FBT001 - drawn
) -> None:
    """A file may bring a start of any day; an end lies at or after the start, and never before today."""
    end = None if length is None else start + timedelta(days=length - 1)
    codes = {(wrong.field, wrong.code) for wrong in rules.check_dates(start, end, today, start_may_be_past=may_be_past)}
    assert (("/startDate", "in_the_past") in codes) == (start < today and not may_be_past)
    assert (("/endDate", "before_start") in codes) == (end is not None and end < start)
    assert bool(codes & {("/endDate", "before_start"), ("/endDate", "in_the_past")}) == (
        end is not None and (end < start or end < today)
    )


@settings(deadline=None)
@given(PERIODS)
@example(Days(date(2028, 2, 29), date(2028, 2, 29)))
@example(Days(date(2028, 2, 27), date(2028, 2, 29)))
def test_the_calendar_speaks_on_the_first_day_and_on_the_day_after_the_last(period: Days) -> None:
    """Asked each day, it tells a start once and an end once, and the state agrees with the days counted."""
    current, told = mandate(period), []
    first = period.start_date - timedelta(days=2)
    for n in range(12):
        today = first + timedelta(days=n)
        (current,), raised = apply_dates([current], (Branch("18DS00"),), now=NOW, today=today)
        told += [(event.kind, today) for event in raised]
        expected = MandateState.FUTURE if today < period.start_date else MandateState.ACTIVE
        assert state(current, today) == (expected if period.has(max(today, period.start_date)) else MandateState.ENDED)
        assert is_live(current, today) == period.has(max(today, period.start_date))
    ended = [] if period.end_date is None else [(Kind.EXPIRED, period.end_date + timedelta(days=1))]
    assert told == [(Kind.STARTED, period.start_date), *ended]


@settings(deadline=None)
@given(st.sampled_from(SWITCHES), st.timedeltas(timedelta(days=-2), timedelta(days=2)))
def test_a_day_begins_at_midnight_in_amsterdam_also_when_the_clock_changes(switch: datetime, shift: timedelta) -> None:
    """At any moment around a change: the day is the one whose 00:00 in Amsterdam has come and whose 24:00 has not."""
    at = switch + shift
    day = clock.today(at)
    assert _midnight(day) <= at < _midnight(day + timedelta(days=1))
    assert moment(at).today == day


@settings(deadline=None)
@given(st.sampled_from(SWITCHES))
def test_days_of_23_and_25_hours_are_days(switch: datetime) -> None:
    """Hour by hour over a week around a change each day comes once, in order, however many hours it has."""
    hours = [clock.today(switch + timedelta(hours=n)) for n in range(-72, 96)]
    days = sorted(set(hours))
    assert hours == sorted(hours)
    assert [(after - before).days for before, after in pairwise(days)] == [1] * (len(days) - 1)
    changed = clock.today(switch)
    assert hours.count(changed) == (23 if switch.month == 3 else 25)


@settings(deadline=None)
@given(st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)))  # noqa: DTZ001 - made aware
def test_the_day_of_a_moment_is_that_of_its_date_in_amsterdam(at: datetime) -> None:
    """One or two hours ahead of UTC, never more: the day is today's or, late in the evening, tomorrow's."""
    day = clock.today(at)
    assert day in {(at + timedelta(hours=1)).date(), (at + timedelta(hours=2)).date()}


def _midnight(day: date) -> datetime:
    """Say when a day begins in Amsterdam; its clock never changes at midnight."""
    return datetime(day.year, day.month, day.day, tzinfo=clock.AMSTERDAM).astimezone(UTC)
