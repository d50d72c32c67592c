"""What a forwarder does each second beside its lanes. In: rows. Out: fresh destinations, rescued lanes, written meters.

It makes the lanes of dead forwarders due, and now and then repairs lanes that nobody owns and nothing makes due.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from hub import faults
from hub.processes import loops
from hub.processes.files import files_left
from hub.processes.side_work import SideWork
from hub.store import lanes, ledger, processes
from hub.store.pool import DATABASE_ERRORS

if TYPE_CHECKING:
    from consumers.forwarding.destinations import Destinations
    from consumers.forwarding.dispatcher import Dispatcher
    from consumers.forwarding.webhooks import Webhooks
    from hub.domain.keys import LaneKey
    from hub.processes.heartbeat import Heartbeat
    from hub.store.meters import Meters
    from hub.store.pool import Connection, Pool
    from hub.store.wakeups import Listener

TICK_SECONDS: Final = 1.0
REPAIR_SECONDS: Final = 5.0
REPAIR_SHARE: Final = 0.01
"""A repair reads every lane: the more there are, the less often, so that it takes no more than this share of time."""
LONGEST_REPAIR_PAUSE: Final = 60.0
log = structlog.get_logger(__name__)


class Upkeep:
    """The chores of a forwarder."""

    def __init__(  # noqa: PLR0913 - the parts of the process, made once
        self,
        pool: Pool,
        heartbeat: Heartbeat,
        listener: Listener,
        destinations: Destinations,
        webhooks: Webhooks,
        dispatcher: Dispatcher,
        *,
        meters: Meters,
    ) -> None:
        self._pool = pool
        self._heartbeat = heartbeat
        self._listener = listener
        self._destinations = destinations
        self._webhooks = webhooks
        self._dispatcher = dispatcher
        self._meters = meters
        self._repair = SideWork(REPAIR_SHARE, shortest=REPAIR_SECONDS, longest=LONGEST_REPAIR_PAUSE)

    async def begin(self) -> None:
        """Read what the first lease needs, and free the lanes of dead forwarders."""
        await self.refresh()
        await self._sweep()

    async def work(self) -> None:
        """Do all of it each second, forever."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                await self.refresh()
                await self._sweep()
                await self.flush()
                loops.moved("forward.tick")
            except DATABASE_ERRORS as error:
                loops.failed("forward.tick", error)
                log.warning("tick.failed", error=str(error), next="again in a second")

    async def refresh(self) -> None:
        """Read the destinations and their subscriptions, the epoch, and how many files this process may open."""
        self._dispatcher.fit_into(files_left())
        async with self._pool.acquire() as c:
            self._dispatcher.enter_epoch(await ledger.epoch(c))
        await self._destinations.refresh(await self._webhooks.endpoints())

    async def _sweep(self) -> None:
        async with self._pool.acquire() as c:
            async with c.transaction():
                if rescued := await processes.rescue_lanes(c):
                    faults.here("forward.rescuing")
            if rescued:
                faults.here("forward.rescued")
            stranded = await self._repair_stranded(c)
        if rescued:
            log.warning("lanes.rescued", lanes=rescued, next="they are due again")
        for destination, brin in stranded:
            self._meters.count("stranded", destination, "")
            log.error("lane.stranded", destination=self._destinations[destination].name, brin=brin, next="report it")
        if rescued or stranded:
            self._listener.wake()

    async def _repair_stranded(self, c: Connection) -> list[LaneKey]:
        if not self._repair.is_due:
            return []
        with self._repair.working():
            return await lanes.repair_stranded(c)

    async def flush(self) -> None:
        """Write what was measured since the last time."""
        async with self._pool.acquire() as c:
            await self._meters.flush(c, self._heartbeat.process)
