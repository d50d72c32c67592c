"""Replays and bulk cancellations, turn by turn, beside the planner.

In: acts that people asked for. Out: deliveries at the ends of lanes, or cancelled ones; lanes that are due. Next:
consumers.forward. The planner's process does it because it appends to lanes already, under the same locks and in the
same order; forwarders keep their time for sending, and `serve` answers and does nothing of its own. Any number of
planners may run: each turn is a transaction that locks its act, so one works an act at a time, and whoever is killed
in the middle of a turn has done nothing of it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from hub import bulk, faults
from hub.domain.bulk import BulkState
from hub.store.pool import PASSING
from hub.store.wake import Bell

if TYPE_CHECKING:
    from hub.bulk import Worked
    from hub.heartbeat import Heartbeat
    from hub.store.pool import Pool

IDLE_SECONDS: Final = 0.5
BETWEEN_SECONDS: Final = 0.05
AGAIN_SECONDS: Final = 1.0
log = structlog.get_logger(__name__)


class Acts:
    """Does what people asked for, one turn after the other."""

    def __init__(self, pool: Pool, heart: Heartbeat) -> None:
        self._pool = pool
        self._heart = heart
        self._bells = (Bell(pool, "lanes"), Bell(pool, "changes"))

    async def work(self) -> None:
        """Take turns for ever; what fails is tried again, and stops nothing else."""
        worked_at = 0.0
        clock = asyncio.get_running_loop().time
        while True:
            try:
                worked = await self.turn()
            except PASSING as error:
                log.warning("act.failed", error=f"{type(error).__name__}: {error}", next="the same items again")
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            except Exception:  # a fault of ours must not end this chore, which nobody would start again
                log.exception("act.failed", next="the same items again; the act can be cancelled")
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            if worked is None:
                is_recent = clock() - worked_at < AGAIN_SECONDS
                await asyncio.sleep(BETWEEN_SECONDS if is_recent else IDLE_SECONDS)
            else:
                worked_at = clock()

    async def turn(self) -> Worked | None:
        """Do one portion of one act, if it is the turn of any."""
        async with self._pool.acquire() as c, c.transaction():
            worked = await bulk.work(c, self._heart.clock.now(), self._heart.process)
            if worked is not None:
                faults.here("acts.writing")
        if worked is not None:
            faults.here("acts.committed")
            for bell in self._bells:
                bell.ring()
            if worked.state is BulkState.DONE:
                log.info("act.done", act=str(worked.act), kind=worked.kind.value)
        return worked
