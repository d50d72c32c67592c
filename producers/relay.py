"""The relay. In: errands in `todo`. Out: `osr.mandates.v1`, and a position for each event. Next: consumers.plan.

Events go out in order; each gets its gapless position in the transaction that takes it off the list. A relay that only
believes to be the one can do no more than repeat: readers drop repeats by id. Before it begins it looks whether log and
database agree: it goes no further while the log is ahead, and publishes again what the log lost.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiokafka.errors import KafkaError

from hub import faults
from hub.clock import now
from hub.envelopes import letterhead, mandate_event
from hub.extents import NOTHING, asking
from hub.heartbeat import Heartbeat
from hub.recovery import compare, missing_from
from hub.store import ledger, log, marks
from hub.store.locks import RELAY
from hub.store.meters import Meters
from hub.store.pool import open_pool
from hub.store.wake import Ear
from producers.active import publish_for_ever, until_stopped
from schemas.topics import MANDATES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.envelopes import Letterhead
    from hub.extents import Asker
    from hub.settings import Settings
    from hub.store.pool import Connection
    from producers.active import Publisher

TOPIC: Final = MANDATES.name
MOST_EVENTS: Final = 1000
LOOK_SECONDS: Final = 2.0
logger = structlog.get_logger(__name__)


async def run(settings: Settings, stop: asyncio.Event, topic: str = TOPIC) -> None:
    """Publish until `stop` is set."""
    options = settings.kafka.client_options()
    pool = await open_pool(settings.database.url, name="produce", is_hot=True, most=2)
    meters = Meters()

    async def work(c: Connection, publisher: Publisher) -> None:
        head = letterhead(settings.oin, settings.http.address, await ledger.epoch(c))
        relay = Relay(c, publisher, head, meters, topic)
        async with Ear(settings.direct_dsn, "events") as ear, asking(options) as asker:
            await relay.start(options)
            while True:
                if not await relay.publish():
                    await relay.look(asker)
                    await ear.wait()

    try:
        async with Heartbeat(pool, "produce") as heart:
            flushing = asyncio.create_task(meters.flush_for_ever(pool, heart))
            await until_stopped(stop, publish_for_ever(settings, RELAY, work))
            flushing.cancel()
            await asyncio.gather(flushing, return_exceptions=True)
    finally:
        await pool.close()


class LogLostError(KafkaError):  # type: ignore[misc]  # aiokafka tells no types
    """The log lost what it had taken; the relay starts over and publishes it again."""


class Relay:
    """The active relay: its connection holds the lock, so that without the lock it writes nothing."""

    def __init__(self, c: Connection, publisher: Publisher, head: Letterhead, meters: Meters, topic: str) -> None:
        self._c = c
        self._publisher = publisher
        self._head = head
        self._meters = meters
        self._topic = topic
        self._position = 0
        self._extent = NOTHING
        self._looked = 0.0

    async def start(self, options: Mapping[str, Any]) -> None:
        """See to it that the log has all that was published, and find where it ends; raises `LogIsAhead`."""
        found = await compare(self._c, options, self._topic)
        found.refuse_if_ahead()
        self._extent = found.extent
        async for rows in missing_from(self._c, found):
            await self._send([(row.brin, mandate_event(row, self._head, position)) for position, row in rows])
            logger.warning("log.published_again", topic=self._topic, events=len(rows), through=rows[-1][0])
        await self._remember()
        self._position = await log.last_position(self._c)

    async def publish(self) -> int:
        """Publish the next events and say how many there were."""
        errands = await log.read_todo(self._c, MOST_EVENTS)
        if not errands:
            return 0
        places = enumerate(errands, start=self._position + 1)
        faults.here("relay.sending")
        await self._send([(e.event.brin, mandate_event(e.event, self._head, position)) for position, e in places])
        faults.here("relay.sent")
        await log.take_off(self._c, errands, self._position, now())
        faults.here("relay.taken_off")
        self._position += len(errands)
        for errand in errands:
            self._meters.count("events", 0, errand.event.kind.type)
        if time.monotonic() - self._looked > LOOK_SECONDS:
            await self._remember()
        return len(errands)

    async def look(self, asker: Asker) -> None:
        """Every few seconds, see whether the log is still the one that was written to, and remember how far it goes."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        there = (await asker.extents([self._topic])).get(self._topic)
        known = marks.Mark.of(self._extent)
        if there is None or not known.fits(there):
            raise LogLostError(f"{self._topic} is not the one that was written to")
        await self._remember()

    async def _remember(self) -> None:
        await marks.write(self._c, self._topic, self._extent, now())
        self._looked = time.monotonic()

    async def _send(self, records: Sequence[tuple[str, bytes]]) -> None:
        taken = await self._publisher.send(self._topic, records)
        ends = dict(self._extent.ends)
        for partition, offsets in taken.items():
            if offsets[0] < ends.get(partition, 0):
                raise LogLostError(f"{self._topic} took a record at {partition}/{offsets[0]} once more")
            ends[partition] = offsets[-1] + 1
        self._extent = replace(self._extent, ends=ends)
