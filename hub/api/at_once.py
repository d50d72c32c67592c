"""Bounds what one caller has in progress. In: who calls. Out: entered until the work ends, or 429.

Each process counts by itself: several processes together let the sum through.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil
from time import monotonic

from hub.domain.bucket import Allowance, Buckets
from hub.errors import TooManyRequests
from hub.settings import Limits


class AtOnce:
    """Counts what each caller has in progress; `what` names it in the error of one too many."""

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self._running: Counter[str] = Counter()

    @contextmanager
    def entered(self, who: str) -> Iterator[None]:
        """Count one while the block runs; raise `TooManyRequests` for one too many."""
        if self._running[who] >= self._most:
            raise TooManyRequests(1, f"{self._running[who]} {self._what} of this caller are in progress")
        self._running[who] += 1
        try:
            yield
        finally:
            self._running[who] -= 1
            if not self._running[who]:
                del self._running[who]


class ReceiverCalls:
    """Bounds the calls that suppliers cause to their receivers at once: handshakes and test messages."""

    def __init__(self, limits: Limits, seconds: Callable[[], float] = monotonic) -> None:
        self._at_once = AtOnce(limits.receiver_calls_at_once, "handshakes or test messages")
        per_minute = limits.receiver_calls_per_minute
        self._paces = Buckets(Allowance(rate=per_minute / 60, burst=per_minute), limits.remembered)
        self._seconds = seconds

    @contextmanager
    def entered(self, who: str) -> Iterator[None]:
        """Count one call while the block runs; raise `TooManyRequests` for one too many, at once or in a minute."""
        with self._at_once.entered(who):
            wait = ceil(self._paces.take(who, self._seconds()))
            if wait:
                raise TooManyRequests(wait, "this supplier asked for too many handshakes or test messages in a minute")
            yield
