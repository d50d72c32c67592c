"""Retention periods. In: now, and years, months, days. Out: the moments before which things are too old."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutoffs:
    """The moments before which each kind is too old."""

    register: datetime
    deliveries: datetime
    attempts: datetime
    parked: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPeriods:
    """How long each kind is kept."""

    register_years: int
    deliveries_months: int
    attempts_days: int
    parked_days: int


def cutoffs(now: datetime, periods: RetentionPeriods) -> Cutoffs:
    """Return the moments before which things are too old."""
    return Cutoffs(
        register=months_before(now, 12 * periods.register_years),
        deliveries=months_before(now, periods.deliveries_months),
        attempts=now - timedelta(days=periods.attempts_days),
        parked=now - timedelta(days=periods.parked_days),
    )


def months_before(moment: datetime, months: int) -> datetime:
    """Go back so many months, to the same day, or the last of a month that has none like it."""
    years, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    for day in range(moment.day, 0, -1):
        try:
            return moment.replace(year=years, month=month + 1, day=day)
        except ValueError:  # no such day in that month
            continue
    raise AssertionError  # every month has a first day
