"""The relay. In: errands in `todo`, rows of the outbox. Out: the two published logs. Next: consumers.plan.

Events go out in order; each gets its gapless position in the transaction that takes it off the list. A relay that only
believes to be the one can do no more than repeat: readers drop repeats by id.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from hub import batches
from hub.clock import now
from hub.envelopes import delivery_change, letterhead, mandate_event
from hub.heartbeat import Heartbeat
from hub.store import ledger, log
from hub.store.locks import RELAY, only_one
from hub.store.meters import Meters
from hub.store.pool import open_pool
from hub.store.wake import Ear

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.envelopes import Letterhead
    from hub.settings import Settings
    from hub.store.pool import Connection

EVENTS: Final = "osr.mandates.v1"
CHANGES: Final = "osr.deliveries.v1"
MOST_EVENTS: Final = 1000
MOST_CHANGES: Final = 20
AGAIN_SECONDS: Final = 0.3
PATIENCE_MS: Final = 8000
STOP_SECONDS: Final = 5.0
STAND_BY_SECONDS: Final = 6.0
logger = structlog.get_logger(__name__)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Publish until `stop` is set; stand by while another relay is active; start over after every fault."""
    pool = await open_pool(settings.database.url, name="produce", most=2)
    try:
        async with Heartbeat(pool, "produce") as heart:
            meters = Meters()
            flushing = asyncio.create_task(meters.flush_for_ever(pool, heart))
            await _until_stopped(settings, stop, meters)
            flushing.cancel()
            await asyncio.gather(flushing, return_exceptions=True)
    finally:
        await pool.close()


async def _until_stopped(settings: Settings, stop: asyncio.Event, meters: Meters) -> None:
    while not stop.is_set():
        active = asyncio.create_task(_be_active(settings, stop, meters))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({active, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not active.done():
            _, slow = await asyncio.wait({active}, timeout=STAND_BY_SECONDS)
            for task in slow:
                task.cancel()  # it stood by for a lock that another relay holds
        try:
            await active
        except asyncio.CancelledError:
            return
        except (KafkaError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            logger.warning("relay.interrupted", error=f"{type(error).__name__}: {error}", next="starting over")
            await asyncio.sleep(AGAIN_SECONDS)


async def _be_active(settings: Settings, stop: asyncio.Event, meters: Meters) -> None:
    async with only_one(settings.direct_dsn, RELAY) as c, Ear(settings.direct_dsn, "events", "changes") as ear:
        producer = AIOKafkaProducer(
            **settings.kafka.client_options(),
            enable_idempotence=True,
            acks="all",
            linger_ms=0,
            max_batch_size=batches.BATCH_BYTES,
            request_timeout_ms=PATIENCE_MS,
        )
        await producer.start()
        try:
            relay = Relay(c, producer, letterhead(settings.oin, settings.http.address, await ledger.epoch(c)), meters)
            await relay.work(ear, stop)
        finally:
            await asyncio.wait_for(producer.stop(), STOP_SECONDS)


class Relay:
    """One active relay: its connection holds the lock, so what it writes without the lock fails."""

    def __init__(self, c: Connection, producer: AIOKafkaProducer, head: Letterhead, meters: Meters) -> None:
        self._c = c
        self._producer = producer
        self._head = head
        self._meters = meters
        self._position = 0

    async def work(self, ear: Ear, stop: asyncio.Event) -> None:
        """Publish what there is, then wait for a bell."""
        self._position = await log.last_position(self._c)
        while not stop.is_set():
            events = await self.publish_events()
            changes = await self.publish_changes(MOST_CHANGES if not events else 1)
            if not events and not changes:
                await ear.wait()

    async def publish_events(self) -> int:
        """Publish the next events and say how many there were."""
        errands = await log.read_todo(self._c, MOST_EVENTS)
        if not errands:
            return 0
        await self._send(EVENTS, [(e.event.brin, mandate_event(e.event, self._head)) for e in errands])
        at = now()
        await log.take_off(self._c, errands, self._position, [at] * len(errands))
        self._position += len(errands)
        for errand in errands:
            self._meters.count("events", 0, errand.event.kind.type)
        return len(errands)

    async def publish_changes(self, most: int = MOST_CHANGES) -> int:
        """Publish the next changes of deliveries, of at most that many settle flushes, and say how many there were."""
        rows = await log.read_changes(self._c, most)
        if not rows:
            return 0
        changes = [change for items in rows.values() for change in items]
        subjects = await log.subjects(self._c, changes)
        records = [(x[1], delivery_change(x, subjects[x[:3]], self._head)) for x in changes if x[:3] in subjects]
        await self._send(CHANGES, records)
        await log.drop_changes(self._c, list(rows))
        return len(changes)

    async def _send(self, topic: str, records: Sequence[tuple[str, bytes]]) -> None:
        partitions = len(await self._producer.partitions_for(topic))
        parts: dict[int, list[tuple[str, bytes]]] = defaultdict(list)
        for record in records:
            parts[batches.partition_of(record[0], partitions)].append(record)
        sent = await asyncio.gather(*(batches.send(self._producer, topic, p, part) for p, part in parts.items()))
        for _, error in sent:
            if error is not None:
                raise error
