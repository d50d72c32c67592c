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
from hub.store.pool import TRANSIENT_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.processes.heartbeat import Heartbeat
    from hub.settle import LaneResult
    from hub.store.pool import Pool

FLUSH_SECONDS: Final = 0.004
FLUSH_ROWS: Final = 200
RETRY_SECONDS: Final = 0.2
UNWRITABLE_WAIT_SECONDS: Final = 60.0
log = structlog.get_logger(__name__)


class BatchCompleter:
    """Collects lane runs and settles them in batches; two batches may be under way at once."""

    def __init__(self, pool: Pool, heartbeat: Heartbeat, settled: Callable[[list[LaneResult]], None]) -> None:
        self._pool = pool
        self._heartbeat = heartbeat
        self._settled = settled
        self._runs: list[LaneResult] = []
        self._rows = 0
        self._came = asyncio.Event()
        self._full = asyncio.Event()

    def put(self, run: LaneResult) -> None:
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

    async def _settle(self, batch: list[LaneResult]) -> None:
        while True:
            try:
                async with self._pool.acquire() as c, c.transaction():
                    await settle.record_attempts(c, self._heartbeat.process, batch, self._heartbeat.clock.now())
                    faults.here("forward.settling")
            except TRANSIENT_ERRORS as error:
                log.warning("settle.failed", lanes=len(batch), error=str(error), next="the same lanes again")
                await asyncio.sleep(RETRY_SECONDS)
            else:
                faults.here("forward.settled")
                return

    async def _settle_alone(self, run: LaneResult) -> None:
        lease = run.standing.lease
        try:
            await self._settle([run])
        except asyncpg.PostgresError:
            log.exception(
                "settle.impossible", destination=lease.destination, brin=lease.brin, next="sent again in a minute"
            )
            given_back = replace(
                run.standing, head=lease.head, sent=lease.sent, closed=lease.closed, wait=UNWRITABLE_WAIT_SECONDS
            )
            await self._settle([settle.LaneResult(standing=given_back)])
