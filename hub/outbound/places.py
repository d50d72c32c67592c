"""What many requests share: the places at one receiver, and one timer for all deadlines.

In: requests that begin and end. Out: leave to send, and the end of those that take too long. A semaphore and a timer
for each request would be a tenth of what sending it costs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Places:
    """The connections that one receiver may have at once; those who wait get one in the order in which they came."""

    def __init__(self, n: int) -> None:
        self._free = n
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Take a place if one is free."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def wait(self) -> None:
        """Wait for a place and take it; whoever stops waiting passes on what it was given meanwhile."""
        given = asyncio.get_running_loop().create_future()
        self._waiting.append(given)
        try:
            await given
        except asyncio.CancelledError:
            if not given.cancelled():
                self.give_back()
            raise

    def give_back(self) -> None:
        """Give a place to whoever waits longest, else free it."""
        while self._waiting:
            given = self._waiting.popleft()
            if not given.done():
                given.set_result(None)
                return
        self._free += 1


class Deadlines:
    """Calls back at deadlines, with one timer for all of them: nearly all are withdrawn before their time."""

    def __init__(self) -> None:
        self._at: dict[Callable[[], None], float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next = float("inf")

    def set(self, expire: Callable[[], None], at: float) -> None:
        """Call `expire` at this moment on the loop's clock, unless it is withdrawn before."""
        self._at[expire] = at
        if at < self._next:
            self._wake_at(at)

    def withdraw(self, expire: Callable[[], None]) -> None:
        """Do not call it any more."""
        self._at.pop(expire, None)

    def _wake_at(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = at
        self._timer = asyncio.get_running_loop().call_at(at, self._wake)

    def _wake(self) -> None:
        self._timer, self._next = None, float("inf")
        now = asyncio.get_running_loop().time()
        for expire in [expire for expire, at in self._at.items() if at <= now]:
            del self._at[expire]
            expire()
        if self._at:
            self._wake_at(min(self._at.values()))
