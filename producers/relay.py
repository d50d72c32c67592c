"""The relay. In: errands in `todo`. Out: `osr.mandates.v1`, and a position for each event. Next: consumers.plan.

Events go out in order; each gets its gapless position in the transaction that takes it off the list. A relay that only
believes to be the one can do no more than repeat: readers drop repeats by id.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from hub import faults
from hub.clock import now
from hub.envelopes import letterhead, mandate_event
from hub.heartbeat import Heartbeat
from hub.store import ledger, log
from hub.store.locks import RELAY
from hub.store.meters import Meters
from hub.store.pool import open_pool
from hub.store.wake import Ear
from producers.active import publish_for_ever, until_stopped

if TYPE_CHECKING:
    from hub.envelopes import Letterhead
    from hub.settings import Settings
    from hub.store.pool import Connection
    from producers.active import Publisher

TOPIC: Final = "osr.mandates.v1"
MOST_EVENTS: Final = 1000


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Publish until `stop` is set."""
    pool = await open_pool(settings.database.url, name="produce", is_hot=True, most=2)
    meters = Meters()

    async def work(c: Connection, publisher: Publisher) -> None:
        head = letterhead(settings.oin, settings.http.address, await ledger.epoch(c))
        relay = Relay(c, publisher, head, meters)
        async with Ear(settings.direct_dsn, "events") as ear:
            await relay.start()
            while True:
                if not await relay.publish():
                    await ear.wait()

    try:
        async with Heartbeat(pool, "produce") as heart:
            flushing = asyncio.create_task(meters.flush_for_ever(pool, heart))
            await until_stopped(stop, publish_for_ever(settings, RELAY, work))
            flushing.cancel()
            await asyncio.gather(flushing, return_exceptions=True)
    finally:
        await pool.close()


class Relay:
    """The active relay: its connection holds the lock, so that without the lock it writes nothing."""

    def __init__(self, c: Connection, publisher: Publisher, head: Letterhead, meters: Meters) -> None:
        self._c = c
        self._publisher = publisher
        self._head = head
        self._meters = meters
        self._position = 0

    async def start(self) -> None:
        """Find where the log ends."""
        self._position = await log.last_position(self._c)

    async def publish(self, topic: str = TOPIC) -> int:
        """Publish the next events and say how many there were."""
        errands = await log.read_todo(self._c, MOST_EVENTS)
        if not errands:
            return 0
        faults.here("relay.sending")
        await self._publisher.send(topic, [(e.event.brin, mandate_event(e.event, self._head)) for e in errands])
        faults.here("relay.sent")
        await log.take_off(self._c, errands, self._position, now())
        faults.here("relay.taken_off")
        self._position += len(errands)
        for errand in errands:
            self._meters.count("events", 0, errand.event.kind.type)
        return len(errands)
