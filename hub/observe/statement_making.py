"""Makes statements of months, which can take longer than a request may. In: a month. Out: it, or how far it is.

One at a time is made, on one connection, and goes on when whoever asked does not wait for its end. What took long is
kept for ten times as long, so that looking again costs at most a tenth of one connection.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeAlias

from hub.observe.statement import Statement, read_statement

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from hub.domain.objective import Objective
    from hub.store.pool import Pool

KEPT_FACTOR: Final = 10.0
MOST_KEPT: Final = 36
Tell: TypeAlias = "Callable[[int, int], object]"
Make: TypeAlias = "Callable[[Tell], Awaitable[Statement]]"


@dataclass(frozen=True, slots=True)
class StatementProgress:
    """How many parts of a statement are made, and of how many."""

    done: int
    of: int


@dataclass(slots=True)
class _Making:
    """A statement that is made, or is kept for a while."""

    task: asyncio.Task[Statement]
    begun: float
    progress: StatementProgress = StatementProgress(0, 1)
    ended: float | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether it is still being made, or was made just now and without a fault."""
        if self.ended is None:
            return True
        is_bad = self.task.cancelled() or self.task.exception() is not None
        return not is_bad and monotonic() - self.ended < KEPT_FACTOR * (self.ended - self.begun)


@dataclass(slots=True)
class StatementMaker:
    """The statements of a process, by month."""

    _of_months: dict[str, _Making] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ask(self, month: str, make: Make, patience: float) -> Statement | StatementProgress:
        """Return the statement of a month, or how far it is when it is not made within so many seconds."""
        making = self._of_months.get(month)
        if making is None or not making.is_fresh:
            making = self._begin(month, make)
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                return await asyncio.shield(making.task)
        return making.progress

    async def close(self) -> None:
        """Stop making any."""
        tasks = [each.task for each in self._of_months.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, month: str, make: Make) -> _Making:
        while len(self._of_months) >= MOST_KEPT:
            oldest = next((each for each, making in self._of_months.items() if making.ended is not None), None)
            if oldest is None:
                break
            del self._of_months[oldest]
        making = _Making(task=asyncio.create_task(self._run(make, lambda: making)), begun=monotonic())
        self._of_months.pop(month, None)
        self._of_months[month] = making

        def end(task: asyncio.Task[Statement]) -> None:
            making.ended = monotonic()
            if not task.cancelled():
                task.exception()  # whoever asks hears of it

        making.task.add_done_callback(end)
        return making

    async def _run(self, make: Make, own: Callable[[], _Making]) -> Statement:
        def tell(done: int, of: int) -> None:
            own().progress = StatementProgress(done, of)

        async with self._turn:
            own().begun = monotonic()
            return await make(tell)


def making_of(pool: Pool, month: str, now: datetime, objective: Objective) -> Make:
    """Return how the statement of a month is made, on a connection of the pool."""

    async def make(tell: Tell) -> Statement:
        async with pool.acquire() as c:
            return await read_statement(c, month, now, objective, tell)

    return make
