"""When a change happens. In: the clock. Out: the moment that its rows, its events and its day are all taken from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub import clock

if TYPE_CHECKING:
    from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A moment in whole milliseconds, the day it is in Amsterdam, and the trace that the change belongs to."""

    now: datetime
    today: date
    traceparent: str | None = None


def moment(now: datetime, traceparent: str | None = None) -> Moment:
    """Make a moment of an aware time; what is below the millisecond is cut off, as it is in an event's time and id."""
    return Moment(
        now=now.replace(microsecond=now.microsecond // 1000 * 1000), today=clock.today(now), traceparent=traceparent
    )
