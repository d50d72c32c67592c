"""How often a loop does work beside its own. In: how long that work took. Out: whether it is due again.

Such work reads more as the hub grows: then it is done less often, so that it takes a small share of the loop's time.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class SideWork:
    """Work that takes at most `share` of the time, after pauses of `shortest` to `longest` seconds.

    `longest` is the cap: after work that took very long, the share is given up. The first pause is `shortest`.
    """

    def __init__(
        self, share: float, *, longest: float, shortest: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._share = share
        self._longest = longest
        self._shortest = shortest
        self._clock = clock
        self._due_at = clock() + shortest

    @property
    def is_due(self) -> bool:
        """Whether the pause after the last time is over."""
        return self._clock() >= self._due_at

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count the time of the block, and begin the next pause at its end, also when it failed."""
        began = self._clock()
        try:
            yield
        finally:
            ended = self._clock()
            self._due_at = ended + min(max((ended - began) / self._share, self._shortest), self._longest)
