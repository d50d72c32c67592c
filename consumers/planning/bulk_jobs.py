"""Replays and bulk cancellations, turn by turn, beside the planner.

In: acts that people asked for. Out: deliveries at the ends of lanes, or cancelled ones; lanes that are due. Next:
consumers.forwarding. The planner's process does it because it appends to lanes already, under the same locks and in the
same order; forwarders keep their time for sending, and `serve` answers and does nothing of its own. Any number of
planners may run: each turn is a transaction that locks its act, so one works an act at a time, and whoever is killed
in the middle of a turn has done nothing of it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from hub import faults
from hub.domain.bulk import BulkState
from hub.operations import bulk
from hub.store.notifications import Notifier
from hub.store.pool import TRANSIENT_ERRORS

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

    async def run_batch(self) -> None:
        """Take turns for ever; what fails is tried again, and stops nothing else."""
        worked_at = 0.0
        clock = asyncio.get_running_loop().time
        while True:
            try:
                worked = await self.turn()
            except TRANSIENT_ERRORS as error:
                log.warning("act.failed", error=f"{type(error).__name__}: {error}", next="the same items again")
                await asyncio.sleep(RETRY_SECONDS)
                continue
            except Exception:  # a fault of ours must not end this chore, which nobody would start again
                log.exception("act.failed", next="the same items again; the act can be cancelled")
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if worked is None:
                is_recent = clock() - worked_at < RETRY_SECONDS
                await asyncio.sleep(BUSY_SECONDS if is_recent else IDLE_SECONDS)
            else:
                worked_at = clock()

    async def turn(self) -> BatchResult | None:
        """Do one portion of one act, if it is the turn of any."""
        async with self._pool.acquire() as c, c.transaction():
            worked = await bulk.run_batch(c, self._heartbeat.clock.now(), self._heartbeat.process)
            if worked is not None:
                faults.here("acts.writing")
        if worked is not None:
            faults.here("acts.committed")
            for notifier in self._notifiers:
                notifier.notify()
            if worked.state is BulkState.DONE:
                log.info("act.done", job=str(worked.job), kind=worked.kind.value)
        return worked
