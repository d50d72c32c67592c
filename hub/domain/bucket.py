"""How often somebody may ask. In: a moment. Out: nothing, or how long to wait. A bucket fills steadily with tokens."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """So many requests a second for as long as one likes, so many at once after a pause; a rate of 0 is no limit."""

    rate: float
    burst: int


class Buckets:
    """A bucket for each of those who asked last, at most `most` of them: who is forgotten begins with a full one."""

    def __init__(self, allowance: Allowance, most: int) -> None:
        self._allowance = allowance
        self._most = most
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str, now: float) -> float:
        """Take a token at `now` (seconds of a steady clock): 0 when there was one, else the seconds until there is."""
        rate, burst = self._allowance.rate, self._allowance.burst
        if not rate:
            return 0.0
        left, at = self._left.get(who, (float(burst), now))
        left = min(float(burst), left + (now - at) * rate)
        wait = 0.0 if left >= 1 else (1 - left) / rate
        self._left[who] = (left if wait else left - 1, now)
        self._left.move_to_end(who)
        if len(self._left) > self._most:
            self._left.popitem(last=False)
        return wait

    def __len__(self) -> int:
        """Say how many are remembered."""
        return len(self._left)
