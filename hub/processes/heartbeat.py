"""The heartbeat of a process. In: its open requests. Out: a row touched once a second, and the age of the last beat.

A forwarder whose heartbeat is late stops sending: others may have taken over its lanes. When it beats again it has
another `incarnation`, and its earlier leases are void. Each beat brings the database's time.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, Self

import structlog

from hub.clock import LedgerClock
from hub.processes import loops
from hub.store import processes
from hub.store.pool import DATABASE_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from hub.store.pool import Pool

BEAT_SECONDS: Final = 1.0
LATE_SECONDS: Final = 3.0
log = structlog.get_logger(__name__)


def _no_requests() -> Sequence[tuple[int, str, float]]:
    return ()


class Heartbeat:
    """The heartbeat of one process: it inserts the process's row, touches it each second, and marks its end."""

    def __init__(
        self, pool: Pool, role: str, sending: Callable[[], Sequence[tuple[int, str, float]]] = _no_requests
    ) -> None:
        self._pool = pool
        self._role = role
        self._sending = sending
        self._last = 0.0
        self._task: asyncio.Task[None] | None = None
        self.clock = LedgerClock()
        self._loop = f"{role}.heartbeat"
        self.process = 0
        self.incarnation = 0

    @property
    def is_late(self) -> bool:
        """Whether the last beat is so old that others may think this process dead."""
        return time.monotonic() - self._last > LATE_SECONDS

    async def __aenter__(self) -> Self:
        await self._enter()
        loops.moved(self._loop)
        self._task = asyncio.create_task(self._beat())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        loops.here.forget(self._role)
        try:
            async with self._pool.acquire() as c:
                await processes.leave(c, self.process)
        except DATABASE_ERRORS as left:
            log.warning("process.not_removed", role=self._role, error=str(left), next="others notice in 4 s")

    async def _enter(self) -> None:
        started = time.monotonic()
        async with self._pool.acquire() as c:
            self.process, at = await processes.enter(c, self._role)
        self.clock.set(at)
        self._last = started

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            started = time.monotonic()
            try:
                async with self._pool.acquire() as c:
                    beat = await processes.beat(c, self.process, self._sending(), loops.here.reports(self._role))
                if beat is None or not beat.was_alive or self.is_late:
                    self.incarnation += 1
                    log.warning("process.was_late", role=self._role, next="its earlier leases are void")
                if beat is None:
                    await self._enter()
                else:
                    self.clock.set(beat.at)
                    self._last = started
                loops.moved(self._loop)
            except Exception as error:  # noqa: BLE001 - a heartbeat that ended would stop all work, in silence
                loops.failed(self._loop, error)
                log.warning(
                    "process.beat_failed", role=self._role, error=str(error), next="nothing is sent until it beats"
                )
