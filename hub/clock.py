"""The clocks. Only edges read them; everything else gets the time as an argument."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

Clock: TypeAlias = Callable[[], datetime]

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
JUMP_SECONDS = 0.1


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def today(at: datetime) -> date:
    """Return the day in Amsterdam at this moment; mandates begin and end with that day."""
    return at.astimezone(AMSTERDAM).date()


class LedgerClock:
    """The database's clock, continued between readings by the monotonic clock.

    All processes of a hub share it, whatever the clocks of their machines show.
    """

    def __init__(self) -> None:
        self._at: datetime | None = None
        self._set_at = 0.0

    def now(self) -> datetime:
        """Return the database's time; before the first reading, this machine's."""
        if self._at is None:
            return now()
        return self._at + timedelta(seconds=time.monotonic() - self._set_at)

    def set(self, at: datetime) -> float:
        """Adopt the database's time when it differs, and return by how many seconds it jumped.

        The reading is some milliseconds old: where this machine's clock agrees with it, this machine's is nearer.
        """
        jump = 0.0 if self._at is None else (at - self.now()).total_seconds()
        if self._at is None or abs(jump) > JUMP_SECONDS:
            here, self._set_at = now(), time.monotonic()
            self._at = here if abs((here - at).total_seconds()) < JUMP_SECONDS else at
        return jump
