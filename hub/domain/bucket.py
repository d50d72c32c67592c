"""Token buckets: rate limits. In: a moment. Out: how many may go now, or how long to wait."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

MINUTE: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """`rate` tokens a second without end, `burst` at once after a pause; a rate of 0 means no limit."""

    rate: float
    burst: float


def per_minute(most: float) -> Allowance:
    """Return the allowance by which no minute holds more than `most`, and no moment more than a second's worth."""
    burst = max(1.0, most // MINUTE)
    return Allowance(rate=(most - burst + 1) / MINUTE, burst=burst)


class TokenBucket:
    """A bucket that fills steadily up to its burst. Taking without looking overdraws it, and the debt must refill."""

    __slots__ = ("_allowance", "_at", "_left")

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._left = float(allowance.burst)
        self._at: float | None = None

    def change(self, allowance: Allowance) -> None:
        """Fill by another allowance from now on; tokens do not appear, and a debt stays."""
        self._allowance = allowance
        self._left = min(self._left, allowance.burst)

    def room(self, now: float) -> int:
        """Return how many tokens there are at `now` (seconds)."""
        self._refill(now)
        return max(0, int(self._left))

    def wait(self, now: float) -> float:
        """Return the seconds until there is a token, 0 when there is one."""
        self._refill(now)
        return 0.0 if self._left >= 1 else (1 - self._left) / self._allowance.rate

    def take(self, now: float) -> None:
        """Take a token, also when there is none."""
        self._refill(now)
        self._left -= 1

    def _refill(self, now: float) -> None:
        if self._at is not None:
            passed = max(0.0, now - self._at)
            self._left = min(self._allowance.burst, self._left + passed * self._allowance.rate)
        self._at = now


class Buckets:
    """A bucket per caller for the callers seen last, at most `most`; a forgotten caller begins with a full one."""

    def __init__(self, allowance: Allowance, most: int) -> None:
        self._allowance = allowance
        self._most = most
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, caller: str, now: float) -> float:
        """Take a token at `now` (seconds of a steady clock) and return 0, or return the seconds until there is one."""
        if not self._allowance.rate:
            return 0.0
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._buckets[caller] = TokenBucket(self._allowance)
        wait = bucket.wait(now)
        if not wait:
            bucket.take(now)
        self._buckets.move_to_end(caller)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return wait

    def __len__(self) -> int:
        """Return how many callers are remembered."""
        return len(self._buckets)
