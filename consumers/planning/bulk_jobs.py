"""Run replays and bulk cancellations, portion by portion, beside the planner.

In: bulk jobs that operators asked for. Out: deliveries at the ends of lanes, or cancelled ones, and lanes that are due.
Next: consumers.forwarding. The planner's process runs them because it appends to lanes already, under the same locks in
the same order. Any number of planners may run: each portion is a transaction that locks its job, so one planner works
on a job at a time, and a planner that is killed in the middle of a portion has done nothing of it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from hub import faults
from hub.domain.bulk import BulkState
from hub.operations import bulk
from hub.processes import loops
from hub.store.pool import TRANSIENT_ERRORS
from hub.store.wakeups import Notifier

if TYPE_CHECKING:
    from hub.operations.bulk import BatchResult
    from hub.processes.heartbeat import Heartbeat
    from hub.store.pool import Pool

IDLE_SECONDS: Final = 0.5
BUSY_SECONDS: Final = 0.05
RETRY_SECONDS: Final = 1.0
log = structlog.get_logger(__name__)


class BulkJobRunner:
    """Does what people asked for, one turn after the other."""

    def __init__(self, pool: Pool, heartbeat: Heartbeat) -> None:
        self._pool = pool
        self._heartbeat = heartbeat
        self._notifiers = (Notifier(pool, "lanes"), Notifier(pool, "changes"))

    async def run(self) -> None:
        """Run batches until cancelled; a failed batch is tried again, and stops nothing else."""
        worked_at = 0.0
        clock = asyncio.get_running_loop().time
        while True:
            try:
                worked = await self.run_batch()
                loops.moved("plan.jobs")
            except TRANSIENT_ERRORS as error:
                loops.failed("plan.jobs", error)
                log.warning("act.failed", error=f"{type(error).__name__}: {error}", next="retry in 1 s")
                await asyncio.sleep(RETRY_SECONDS)
                continue
            except Exception as error:  # nothing starts this task again
                loops.failed("plan.jobs", error)
                log.exception("act.failed", next="retry in 1 s")
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if worked is None:
                is_recent = clock() - worked_at < RETRY_SECONDS
                await asyncio.sleep(BUSY_SECONDS if is_recent else IDLE_SECONDS)
            else:
                worked_at = clock()

    async def run_batch(self) -> BatchResult | None:
        """Run the next batch of the job that is due; return None when no job is due."""
        async with self._pool.acquire() as c, c.transaction():
            worked = await bulk.run_batch(c, self._heartbeat.clock.now(), self._heartbeat.process)
            if worked is not None:
                faults.here("bulk.writing")
        if worked is not None:
            faults.here("bulk.committed")
            for notifier in self._notifiers:
                notifier.notify()
            if worked.state is BulkState.DONE:
                log.info("act.done", job=str(worked.job), kind=worked.kind.value)
        return worked
