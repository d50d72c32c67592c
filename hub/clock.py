"""What time it is. Only edges ask; everything else is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TypeAlias
from zoneinfo import ZoneInfo

Clock: TypeAlias = Callable[[], datetime]

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def now() -> datetime:
    """Tell the time, in UTC."""
    return datetime.now(UTC)


def today(at: datetime) -> date:
    """Tell which day it is in Amsterdam at this moment; mandates begin and end with that day."""
    return at.astimezone(AMSTERDAM).date()
