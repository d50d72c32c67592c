"""Publish mandate events. In: `event_outbox`. Out: `osr.mandates.v1`, and a position per event.

Next: consumers.planning. Events go out in order; each gets its gapless position in the transaction that deletes it from
the outbox. A relay that has lost its lock can only repeat: readers drop repeats by id. At its start it compares log and
database: it stops while the log is ahead, and publishes again what the log lost.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiokafka.errors import KafkaError

from hub import faults
from hub.clock import now
from hub.envelopes import envelope_defaults, mandate_event
from hub.kafka.batches import describe
from hub.kafka.offsets import UNKNOWN_OFFSETS, open_offset_client
from hub.kafka.topics import report_differences
from hub.processes import loops
from hub.processes.heartbeat import Heartbeat
from hub.processes.running import run_until_set
from hub.recovery import compare, read_missing
from hub.store import ledger, published_events, watermarks
from hub.store.locks import RELAY
from hub.store.meters import Meters
from hub.store.pool import open_pool
from hub.store.wakeups import Listener
from producers.publishing import publish_forever
from producers.traced import trace_published
from schemas.topics import MANDATES, Broker, topics_on

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping, Sequence

    from hub.envelopes import EnvelopeDefaults
    from hub.kafka.offsets import OffsetClient
    from hub.settings import Settings
    from hub.store.pool import Connection
    from hub.store.published_events import OutboxEntry
    from producers.publishing import Publisher

TOPIC: Final = MANDATES.name
LOOP: Final = "produce.relay"
MOST_EVENTS: Final = 1000
MOST_RETRIED: Final = 20
MOST_LOGGED: Final = 5
CHECK_SECONDS: Final = 2.0
RETRY_REFUSED_SECONDS: Final = 60.0
logger = structlog.get_logger(__name__)


async def run(settings: Settings, stop: asyncio.Event, topic: str = TOPIC) -> None:
    """Publish until `stop` is set."""
    options = settings.kafka.client_options()
    pool = await open_pool(settings.database.url, name="produce", is_hot=True, max_size=2)
    meters = Meters()

    async def work(c: Connection, publisher: Publisher) -> None:
        defaults = envelope_defaults(settings.oin, settings.http.address, await ledger.epoch(c))
        if await published_events.read_outbox(c, 1):
            loops.waits(LOOP)
        relay = Relay(c, publisher, defaults, meters, topic)
        async with Listener(settings.direct_dsn, "events") as listener, open_offset_client(options) as offset_client:
            await relay.start(options)
            await report_differences(options, topics_on(Broker.OURS))
            while True:
                if (
                    await relay.publish() < MOST_EVENTS and not relay.is_behind
                ):  # a notification came, if there are more
                    await relay.check(offset_client)
                    await listener.wait()

    try:
        async with Heartbeat(pool, "produce") as heartbeat:
            publishing = publish_forever(settings, RELAY, work, LOOP)
            await run_until_set(stop, publishing, meters.flush_forever(pool, heartbeat))
    finally:
        await pool.close()


class LogLostError(KafkaError):  # type: ignore[misc]  # aiokafka has no types
    """The log lost what it had taken; the relay starts over and publishes it again."""


class Relay:
    """The active relay: its connection holds the lock, so that without the lock it writes nothing."""

    def __init__(
        self, c: Connection, publisher: Publisher, defaults: EnvelopeDefaults, meters: Meters, topic: str
    ) -> None:
        self._c = c
        self._publisher = publisher
        self._defaults = defaults
        self._meters = meters
        self._topic = topic
        self._position = 0
        self._offsets = UNKNOWN_OFFSETS
        self._looked = 0.0
        self._retried = time.monotonic()
        self.is_behind = False

    async def start(self, options: Mapping[str, Any]) -> None:
        """Publish again what the log lost, and read the last position; raise `LogIsAhead` when the log has more."""
        found = await compare(self._c, options, self._topic)
        found.raise_if_ahead()
        self._offsets = found.topic_offsets
        async for rows in read_missing(self._c, found):
            records = [(row.brin, mandate_event(row, self._defaults, position)) for position, row in rows]
            refused = await self._send(records)
            for place, error in refused.items():
                logger.error("event.not_published_again", brin=rows[place][1].brin, error=describe(error))
            loops.worked(LOOP)
            logger.warning("log.published_again", topic=self._topic, events=len(rows), through=rows[-1][0])
        await self._write_watermark()
        self._position = await published_events.last_position(self._c)

    async def publish(self) -> int:
        """Publish the next events; return how many there were. After a refusal there is more to do at once."""
        await self._retry_refused()
        entries = await published_events.read_outbox(self._c, MOST_EVENTS)
        if not entries:
            loops.moved(LOOP)
            return 0
        loops.waits(LOOP)
        entries, records, faulty = self._write_events(entries)
        if faulty:
            return await self._refuse(faulty)
        faults.here("relay.sending")
        began = now()
        refused = await self._send(records)
        faults.here("relay.sent")
        if refused:
            return await self._refuse({entries[place].outbox_id: describe(e) for place, e in refused.items()})
        await published_events.mark_published(self._c, entries, self._position, now())
        faults.here("relay.deleted")
        trace_published(entries, self._topic, began)
        self._position += len(entries)
        loops.worked(LOOP)
        for entry in entries:
            self._meters.count("events", 0, entry.event.kind.type)
        if time.monotonic() - self._looked > CHECK_SECONDS:
            await self._write_watermark()
        return len(entries)

    async def _retry_refused(self) -> None:
        """Each minute, let some events that were refused be tried again: somebody may have mended the cause."""
        self.is_behind = False
        if time.monotonic() - self._retried > RETRY_REFUSED_SECONDS:
            self._retried = time.monotonic()
            before = now() - timedelta(seconds=RETRY_REFUSED_SECONDS)
            await published_events.retry_refused(self._c, before, MOST_RETRIED)

    async def _refuse(self, reasons: Mapping[int, str]) -> int:
        """Set events aside; what was sent beside them is sent again without them, and gets its positions then."""
        self.is_behind = True
        await published_events.refuse(self._c, reasons, now())
        loops.worked(LOOP)
        for event in await published_events.read_refused(self._c, MOST_LOGGED):
            logger.error(
                "event.refused", brin=event.brin, number=event.number, error=event.because, next="osr-hub doctor"
            )
        return len(reasons)

    def _write_events(
        self, entries: Sequence[OutboxEntry]
    ) -> tuple[list[OutboxEntry], list[tuple[str, bytes]], dict[int, str]]:
        """Write events as records; one that cannot be written holds up its own school only."""
        kept: list[OutboxEntry] = []
        records: list[tuple[str, bytes]] = []
        faulty: dict[int, str] = {}
        held_up: set[str] = set()
        for entry in entries:
            if entry.event.brin in held_up:
                continue
            try:
                value = mandate_event(entry.event, self._defaults, self._position + len(kept) + 1)
            except (ValueError, TypeError, KeyError) as error:
                held_up.add(entry.event.brin)
                faulty[entry.outbox_id] = f"the hub cannot write it: {type(error).__name__} {error}"[:300]
                continue
            kept.append(entry)
            records.append((entry.event.brin, value))
        return kept, records, faulty

    async def check(self, offset_client: OffsetClient) -> None:
        """Every two seconds, raise `LogLostError` unless the log is still the same; store its offsets."""
        if time.monotonic() - self._looked < CHECK_SECONDS:
            return
        there = (await offset_client.read_topic_offsets([self._topic])).get(self._topic)
        known = watermarks.Watermark.of(self._offsets)
        if there is None or not known.matches(there):
            raise LogLostError(f"{self._topic} is not the one that was written to")
        await self._write_watermark()

    async def _write_watermark(self) -> None:
        await watermarks.write(self._c, self._topic, self._offsets, now())
        self._looked = time.monotonic()

    async def _send(self, records: Sequence[tuple[str, bytes]]) -> Mapping[int, Exception]:
        """Send records; return the first of each school that the broker refused, by its place."""
        sent = await self._publisher.send(self._topic, records)
        ends = dict(self._offsets.ends)
        for partition, offsets in sent.offsets.items():
            if offsets[0] < ends.get(partition, 0):
                raise LogLostError(f"{self._topic} took a record at {partition}/{offsets[0]} once more")
            ends[partition] = offsets[-1] + 1
        self._offsets = replace(self._offsets, ends=ends)
        firsts: dict[str, int] = {}
        for place in sorted(sent.refused):
            firsts.setdefault(records[place][0], place)
        return {place: sent.refused[place] for place in firsts.values()}
