"""Reports: what DUO says it did. In: batches of `duo.reports.v1`. Out: statuses of deliveries; parked rows.

One transaction per batch, then the offsets. A batch that cannot be written is tried again until it can: these records
exist on DUO's broker only, so none is passed over.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import structlog
from aiokafka.errors import IllegalStateError

from consumers.broker import commit, handled, leave, make_broker, subscribe_batches
from consumers.parked import expecting, park, parked_row
from consumers.resume import Bookmark, Share
from consumers.watch import watch_for_ever
from hub import faults, settle
from hub.heartbeat import Heartbeat
from hub.reading import Unusable, read_report
from hub.settle import IncomingReport, UnknownDelivery
from hub.store import reports as store
from hub.store.meters import Meters
from hub.store.pool import PASSING, open_pool
from hub.store.wake import Bell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiokafka import ConsumerRecord
    from faststream.kafka import KafkaBroker

    from hub.settings import Settings
    from hub.settle.reports import Answer
    from hub.store.pool import Connection, Pool

TOPIC: Final = "duo.reports.v1"
GROUP: Final = "osr-hub.reports"
MOST_RECORDS: Final = 500
AGAIN_SECONDS: Final = 0.3
TICK_SECONDS: Final = 1.0
NOT_KNOWN: Final = Unusable("unknown_delivery", "no delivery of this id, or of this mandate's version, is known yet")
OUR_FAULT: Final = Unusable("unparsable", "the hub failed on it; the log of `reports` says how")
log = structlog.get_logger(__name__)


async def run(settings: Settings, stop: asyncio.Event, instance: str | None = None) -> None:
    """Read reports until `stop` is set."""
    broker = make_broker(settings.duo_kafka.client_options())
    pool = await open_pool(settings.database.url, name="reports", is_hot=True)
    try:
        async with Heartbeat(pool, "reports") as heart:
            reader = Reader(pool, heart)
            subscribe(broker, reader, instance)
            await broker.start()
            chores = [asyncio.create_task(c) for c in (reader.work(), watch_for_ever(settings, lambda: heart.process))]
            await stop.wait()
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)
            await leave(broker)
            await reader.flush()
    finally:
        await pool.close()


def subscribe(broker: KafkaBroker, reader: Reader, instance: str | None, topic: str = TOPIC) -> None:
    """Let a reader take the batches of a topic, undecoded: it decides itself what a record is."""

    async def take(consumer: Any, records: Sequence[ConsumerRecord[bytes, bytes]]) -> None:  # noqa: ANN401 - FastStream's own
        taken = await reader.take(records)
        faults.here("reports.committed")
        for place, offset in taken.back.items():
            with suppress(IllegalStateError):  # the partition left; its new owner goes back
                consumer.seek(place, offset)
        if taken.records:
            await commit(consumer, handled(taken.records))
        faults.here("reports.read")

    subscribe_batches(broker, topic, GROUP, instance, MOST_RECORDS, take)


class Reader:
    """Applies batches of reports, and those parked ones whose delivery has appeared."""

    def __init__(self, pool: Pool, heart: Heartbeat) -> None:
        self._pool = pool
        self._heart = heart
        self._meters = Meters()
        self._changes = Bell(pool, "changes")
        self._lanes = Bell(pool, "lanes")
        self._bookmark = Bookmark()

    async def take(self, records: Sequence[ConsumerRecord[bytes, bytes]]) -> Share:
        """Apply a batch, however often it takes; returns what of it was applied, and what must be read first."""
        while True:
            try:
                async with self._pool.acquire() as c, c.transaction():
                    share = await self._bookmark.share(c, records)
                    answers = await self._apply(c, share.records)
                    faults.here("reports.writing")
            except PASSING as error:
                log.warning("reports.failed", records=len(records), error=str(error), next="the same records again")
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            except Exception:
                log.warning("reports.taken_apart", records=len(records), exc_info=True, next="one by one")
                return await self._take_apart(records)
            self._bookmark.committed(share)
            self._note(answers)
            return share

    async def _take_apart(self, records: Sequence[ConsumerRecord[bytes, bytes]]) -> Share:
        if len(records) > 1:
            shares = [await self.take([record]) for record in records]
            back = {place: offset for share in shares for place, offset in share.back.items()}
            return Share(records=[record for share in shares for record in share.records], back=back)
        async with self._pool.acquire() as c:
            await park(c, {**parked_row(records[0], OUR_FAULT, self._heart.clock.now()), "blame": "hub"})
        return Share(records=records)

    async def _apply(self, c: Connection, records: Sequence[ConsumerRecord[bytes, bytes]]) -> list[Answer]:
        at = self._heart.clock.now()
        usable: list[tuple[ConsumerRecord[bytes, bytes], IncomingReport]] = []
        for record in records:
            match read_report(record.value, record.headers, at):
                case IncomingReport() as report:
                    usable.append((record, report))
                case why:
                    await park(c, parked_row(record, why, at))
        answers = await settle.apply_reports(c, [report for _, report in usable], at, self._heart.process)
        for (record, report), answer in zip(usable, answers, strict=True):
            if isinstance(answer, UnknownDelivery):
                await park(c, expecting(parked_row(record, NOT_KNOWN, at), report))
        return answers

    async def work(self) -> None:
        """Each second, apply parked reports whose delivery has appeared; write the measured hops."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                self._note(await self._apply_parked())
                await self.flush()
            except (*PASSING, asyncpg.PostgresError) as error:
                log.warning("parked.failed", error=str(error), next="again in a second")

    async def _apply_parked(self) -> list[Answer]:
        async with self._pool.acquire() as c, c.transaction():
            arrived = await store.parked_that_arrived(c)
            found = [(row, read_report(row["bytes"], _headers(row), self._heart.clock.now())) for row in arrived]
            usable = [(row, report) for row, report in found if isinstance(report, IncomingReport)]
            answers = await settle.apply_reports(
                c, [r for _, r in usable], self._heart.clock.now(), self._heart.process
            )
            known = [
                row["id"] for (row, _), a in zip(usable, answers, strict=True) if not isinstance(a, UnknownDelivery)
            ]
            if known:
                await store.unpark(c, known)
        return answers

    def _note(self, answers: Iterable[Answer]) -> None:
        for answer in answers:
            if isinstance(answer, UnknownDelivery):
                continue
            self._changes.ring()
            for result in answer:
                if result.is_told:
                    self._lanes.ring()
                if result.processing_seconds is not None:
                    self._meters.observe(result.destination, "processing", result.processing_seconds)

    async def flush(self) -> None:
        """Write the measured hops."""
        async with self._pool.acquire() as c:
            await self._meters.flush(c, self._heart.process)


def _headers(row: Any) -> list[tuple[str, bytes | None]]:  # noqa: ANN401 - a row of the driver
    return [(name, text.encode()) for name, text in store.read_headers(row["headers"])]
