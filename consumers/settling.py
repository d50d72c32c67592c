"""The settle queue. In: lanes that had their turn. Out: one transaction per few milliseconds or 200 rows.

A slow receiver delays nobody's bookkeeping: each lane joins as soon as its own turn is over.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog

from hub import faults, settle
from hub.store.pool import PASSING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.heartbeat import Heartbeat
    from hub.settle import LaneRun
    from hub.store.pool import Pool

FLUSH_SECONDS: Final = 0.004
FLUSH_ROWS: Final = 200
AGAIN_SECONDS: Final = 0.2
PARDON_SECONDS: Final = 60.0
log = structlog.get_logger(__name__)


class Settling:
    """Collects lane runs and settles them in batches; two batches may be under way at once."""

    def __init__(self, pool: Pool, heart: Heartbeat, settled: Callable[[list[LaneRun]], None]) -> None:
        self._pool = pool
        self._heart = heart
        self._settled = settled
        self._runs: list[LaneRun] = []
        self._rows = 0
        self._came = asyncio.Event()
        self._full = asyncio.Event()

    def put(self, run: LaneRun) -> None:
        """Let a lane join the next batch."""
        self._runs.append(run)
        self._rows += max(1, len(run.taken))
        self._came.set()
        if self._rows >= FLUSH_ROWS:
            self._full.set()

    async def work(self) -> None:
        """Flush for ever; run two of these."""
        while True:
            await self._came.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):  # wait_for may swallow a cancellation in Python 3.11
                    await self._full.wait()
            await self.flush()

    async def flush(self) -> None:
        """Settle what is there; what cannot be written yet is tried again until it can."""
        batch, self._runs, self._rows = self._runs, [], 0
        self._came.clear()
        self._full.clear()
        if not batch:
            return
        try:
            await self._settle(batch)
        except asyncpg.PostgresError:
            for run in batch:  # one that can never be written must not keep the others from it
                await self._settle_alone(run)
        self._settled(batch)

    async def _settle(self, batch: list[LaneRun]) -> None:
        while True:
            try:
                async with self._pool.acquire() as c, c.transaction():
                    await settle.attempts(c, self._heart.process, batch, self._heart.clock.now())
                    faults.here("forward.settling")
            except PASSING as error:
                log.warning("settle.failed", lanes=len(batch), error=str(error), next="the same lanes again")
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                faults.here("forward.settled")
                return

    async def _settle_alone(self, run: LaneRun) -> None:
        lease = run.standing.lease
        try:
            await self._settle([run])
        except asyncpg.PostgresError:
            log.exception(
                "settle.impossible", destination=lease.destination, brin=lease.brin, next="sent again in a minute"
            )
            given_back = replace(
                run.standing, head=lease.head, sent=lease.sent, closed=lease.closed, wait=PARDON_SECONDS
            )
            await self._settle([settle.LaneRun(standing=given_back)])
