"""What time it is. Only edges ask; everything else is told."""

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
    """Tell the time, in UTC."""
    return datetime.now(UTC)


def today(at: datetime) -> date:
    """Tell which day it is in Amsterdam at this moment; mandates begin and end with that day."""
    return at.astimezone(AMSTERDAM).date()


class LedgerClock:
    """The database's clock, carried on from one look to the next by a clock that never jumps.

    All processes of a hub share it, whatever happens to the clocks of their machines.
    """

    def __init__(self) -> None:
        self._at: datetime | None = None
        self._set_at = 0.0

    def now(self) -> datetime:
        """Tell the time as the database has it; before the first look, as this machine has it."""
        if self._at is None:
            return now()
        return self._at + timedelta(seconds=time.monotonic() - self._set_at)

    def set(self, at: datetime) -> float:
        """Take what the database says, where that is news, and return by how many seconds it jumped.

        What it says was some milliseconds on its way: where this machine's clock agrees with it, that one is nearer.
        """
        jump = 0.0 if self._at is None else (at - self.now()).total_seconds()
        if self._at is None or abs(jump) > JUMP_SECONDS:
            here, self._set_at = now(), time.monotonic()
            self._at = here if abs((here - at).total_seconds()) < JUMP_SECONDS else at
        return jump
