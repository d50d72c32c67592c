"""Moments and days that others write: one range for all of them.

In: a moment or day from a record, a request, a file or a form. Out: the same, a moment in UTC; outside the years 2000
to 2100 an error whose `type` is `too_early` or `too_late`. The zero times of other languages (year 1) and their
"no end" (year 9999) are refused here: PostgreSQL stores year 1 as -infinity, which comes back without a zone.
"""

from datetime import UTC, date, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime
from pydantic_core import PydanticCustomError

FIRST_DAY: Final = date(2000, 1, 1)
LAST_DAY: Final = date(2100, 12, 31)
_FIRST_MOMENT: Final = datetime(2000, 1, 1, tzinfo=UTC)
_END: Final = datetime(2101, 1, 1, tzinfo=UTC)


def check_day(day: date) -> date:
    """Return the day when it lies in the years 2000 to 2100, else raise a `ValueError`."""
    if day < FIRST_DAY:
        raise PydanticCustomError("too_early", "it lies before the year 2000")
    if day > LAST_DAY:
        raise PydanticCustomError("too_late", "it lies after the year 2100")
    return day


def check_moment(moment: datetime) -> datetime:
    """Return the aware moment in UTC when it lies in the years 2000 to 2100, else raise a `ValueError`."""
    if moment < _FIRST_MOMENT:
        raise PydanticCustomError("too_early", "it lies before the year 2000")
    if moment >= _END:
        raise PydanticCustomError("too_late", "it lies after the year 2100")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(check_moment)]
Day = Annotated[date, AfterValidator(check_day)]
