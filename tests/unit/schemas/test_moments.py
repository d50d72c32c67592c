"""Moments and days that come in lie in the years 2000 to 2100, in UTC; all others are refused with a code."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from hub.domain.rules import check_dates
from schemas.messages import Report
from schemas.moments import Day, Moment

if TYPE_CHECKING:
    from collections.abc import Sequence

MOMENT: TypeAdapter[Any] = TypeAdapter(Moment)
DAY: TypeAdapter[Any] = TypeAdapter(Day)
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
ID = "0199d9a0-0000-7000-8000-000000000001"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("0001-01-01T00:00:00Z", "too_early"),
        ("0001-01-01T00:00:00+14:00", "too_early"),
        ("1999-12-31T23:59:59.999Z", "too_early"),
        ("2000-01-01T00:30:00+01:00", "too_early"),
        ("2101-01-01T00:00:00Z", "too_late"),
        ("2100-12-31T23:30:00-01:00", "too_late"),
        ("9999-12-31T23:59:59-12:00", "too_late"),
    ],
)
def test_a_moment_outside_the_range_is_refused(text: str, code: str) -> None:
    """The range is that of UTC, whatever zone the text names."""
    with pytest.raises(ValidationError) as refused:
        MOMENT.validate_python(text)
    assert [error["type"] for error in refused.value.errors()] == [code]


@pytest.mark.parametrize("text", ["2000-01-01T00:00:00Z", "2026-11-28T12:00:00+01:00", "2100-12-31T23:59:59Z"])
def test_a_moment_within_the_range_comes_in_utc(text: str) -> None:
    """It stays the same moment."""
    read = MOMENT.validate_python(text)
    assert read.utcoffset() == timedelta(0)
    assert read == datetime.fromisoformat(text)


@pytest.mark.parametrize(("text", "code"), [("1999-12-31", "too_early"), ("2101-01-01", "too_late")])
def test_a_day_outside_the_range_is_refused(text: str, code: str) -> None:
    """Both ends are days that still count."""
    assert DAY.validate_python("2000-01-01") < DAY.validate_python("2100-12-31")
    with pytest.raises(ValidationError) as refused:
        DAY.validate_python(text)
    assert [error["type"] for error in refused.value.errors()] == [code]


@pytest.mark.parametrize(
    ("start", "end", "codes"),
    [
        (date(1, 1, 1), None, ["too_early"]),
        (date(2020, 1, 1), date(9999, 12, 31), ["too_late"]),
        (date(2101, 1, 1), None, ["too_late"]),
        (date(2000, 1, 1), date(2100, 12, 31), []),
    ],
)
def test_the_days_of_a_mandate_lie_in_the_same_range(start: date, end: date | None, codes: Sequence[str]) -> None:
    """Files and forms come by the rules, where a start may lie in the past."""
    found = check_dates(start, end, date(2026, 11, 28), start_may_be_past=True)
    assert [violation.code for violation in found] == codes


def test_the_zero_time_is_no_report() -> None:
    """Go and .NET write year 1 where nothing was set; PostgreSQL would store it as -infinity."""
    with pytest.raises(ValidationError, match="2000"):
        Report.model_validate({"deliveryId": ID, "status": "activated", "reportedAt": "0001-01-01T00:00:00Z"})
    assert Report.model_validate({"deliveryId": ID, "status": "activated", "reportedAt": NOW}).reported_at == NOW
