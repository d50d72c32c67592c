"""Percentiles of durations. In: seconds. Out: marks of fine buckets that can be summed, and seconds within 1 %.

Mark n holds what lies above 0.1 ms x 1.02^(n-1) and up to 0.1 ms x 1.02^n; mark 0 what is shorter. Each duration is as
near to the middle of its bucket as one part in a hundred, and marks of many processes and minutes add up.
"""

from __future__ import annotations

from math import ceil, log
from typing import Final

SHORTEST: Final = 0.0001
GROWTH: Final = 1.02
MOST: Final = 1600
"""The mark of what is longer than a century."""
_LOG: Final = log(GROWTH)
_MIDDLE: Final = 2 / (GROWTH + 1)


def mark_of(seconds: float) -> int:
    """Return the mark of a duration."""
    return 0 if seconds <= SHORTEST else min(ceil(log(seconds / SHORTEST) / _LOG), MOST)


def seconds_of(mark: int) -> float:
    """Return the duration that a mark stands for."""
    return SHORTEST * GROWTH**mark * _MIDDLE if mark else SHORTEST / 2
