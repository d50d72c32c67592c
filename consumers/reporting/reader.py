"""Read what DUO reports. In: batches of `duo.reports.v1`. Out: statuses of deliveries, parked records.

Next: producers.delivery_changes. One transaction per batch, then the offsets. A batch that cannot be written is retried
until it can, or record by record: these records exist on DUO's broker only, so none is skipped.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiokafka.errors import IllegalStateError

from consumers.parking import awaiting_delivery, park, parked_row
from consumers.reporting.loss_watch import watch_forever
from consumers.reporting.read_positions import BatchSplit, ReadPositions
from consumers.reporting.received_report import INTERNAL_FAULT, ReceivedReport, read_record
from consumers.reporting.traced import trace_reported
from hub import faults, settle
from hub.domain.objective import Objective
from hub.kafka.broker import Batch, Reading, batch_subscriber, commit, make_broker, offsets_after
from hub.kafka.consumer import read_forever
from hub.processes import loops
from hub.processes.heartbeat import Heartbeat
from hub.processes.running import run_until_set
from hub.processes.unread import count_unread
from hub.settle import IncomingReport, UnknownDelivery
from hub.settle.records import UnusableRecord, read_report
from hub.store import reports as store
from hub.store.meters import Meters
from hub.store.objectives import default_objective
from hub.store.pool import TRANSIENT_ERRORS, is_transient, open_pool
from hub.store.wakeups import Notifier
from schemas.topics import DUO_REPORTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aiokafka import ConsumerRecord
    from faststream.kafka import KafkaBroker, KafkaMessage

    from hub.kafka.consumer import WaitingBroker
    from hub.settings import Settings
    from hub.settle.reports import ReportAnswer
    from hub.store.pool import Connection, Pool

TOPIC: Final = DUO_REPORTS.name
GROUP: Final = "osr-hub.reports"
MOST_RECORDS: Final = 500
RETRY_SECONDS: Final = 0.3
TICK_SECONDS: Final = 1.0
UNKNOWN_DELIVERY: Final = UnusableRecord(
    "unknown_delivery", "no delivery of this id, or of this mandate's version, is known yet"
)
log = structlog.get_logger(__name__)


async def run(settings: Settings, stop: asyncio.Event, instance: str | None = None) -> None:
    """Read reports until `stop` is set."""
    options = settings.duo_kafka.client_options()
    pool = await open_pool(settings.database.url, name="reports", is_hot=True)
    try:
        async with Heartbeat(pool, "reports") as heartbeat:
            reader = ReportReader(pool, heartbeat, default_objective(settings))

            def broker() -> WaitingBroker:
                made = make_broker(options, lambda: loops.moved("reports.read"))
                subscribe(made, reader, instance)
                return made

            reading = read_forever(broker, options, failed=lambda error: loops.failed("reports.read", error))
            watching = watch_forever(settings, lambda: heartbeat.process)
            counting = count_unread(pool, options, GROUP, TOPIC, "reports.unread")
            await run_until_set(stop, reading, reader.work(), watching, counting)
            with suppress(*TRANSIENT_ERRORS):  # hops of the last second; reports are rows, and a stop must end
                await reader.flush()
    finally:
        await pool.close()


def subscribe(broker: KafkaBroker, reader: ReportReader, instance: str | None, topic: str = TOPIC) -> None:
    """Subscribe a reader to a topic of reports; offsets are committed after its own transaction."""

    async def read(message: KafkaMessage) -> list[ReceivedReport]:
        return [reader.read(record) for record in message.raw_message]

    @batch_subscriber(
        broker, topic, Reading(group=GROUP, instance=instance, most_records=MOST_RECORDS), read, DUO_REPORTS
    )
    async def on_reports(batch: Batch) -> None:
        consumer = batch.consumer
        taken = await reader.take(batch.content)
        faults.here("reports.committed")
        for partition, offset in taken.rewind.items():
            with suppress(IllegalStateError):  # the partition left; its new owner goes back
                consumer.seek(partition, offset)
        if taken.records:
            await commit(consumer, offsets_after(taken.records))
        loops.worked("reports.read")
        faults.here("reports.read")


class ReportReader:
    """Applies batches of reports, and those parked ones whose delivery has appeared."""

    def __init__(self, pool: Pool, heartbeat: Heartbeat, objective: Objective = Objective()) -> None:  # noqa: B008 - it is frozen
        self._pool = pool
        self._heartbeat = heartbeat
        self._meters = Meters(objective)
        self._changes = Notifier(pool, "changes")
        self._lanes = Notifier(pool, "lanes")
        self._positions = ReadPositions()

    def read(self, record: ConsumerRecord[bytes, bytes]) -> ReceivedReport:
        """Read a record by the clock of the ledger."""
        return read_record(record, self._heartbeat.clock.now())

    async def take(self, records: Sequence[ReceivedReport]) -> BatchSplit[ReceivedReport]:
        """Apply a batch, however often it takes; return what of it was applied, and what must be read first."""
        while True:
            try:
                return await self._write(records)
            except Exception as error:
                loops.failed("reports.read", error)
                if not is_transient(error):
                    log.warning("reports.taken_apart", records=len(records), exc_info=True, next="one by one")
                    return await self._apply_singly(records)
                log.warning("reports.failed", records=len(records), error=str(error), next="retry in 0.3 s")
                await asyncio.sleep(RETRY_SECONDS)

    async def _write(self, records: Sequence[ReceivedReport]) -> BatchSplit[ReceivedReport]:
        began = self._heartbeat.clock.now()
        async with self._pool.acquire() as c, c.transaction():
            split = await self._positions.split(c, records)
            answers = await self._apply(c, split.records)
            faults.here("reports.writing")
        self._positions.committed(split)
        self._note(answers)
        await trace_reported(self._pool, answers, began, self._heartbeat.clock)
        return split

    async def _apply_singly(self, records: Sequence[ReceivedReport]) -> BatchSplit[ReceivedReport]:
        if len(records) > 1:
            shares = [await self.take([record]) for record in records]
            rewind = {partition: offset for split in shares for partition, offset in split.rewind.items()}
            return BatchSplit(records=[record for split in shares for record in split.records], rewind=rewind)
        await self._park_for_us(records[0].record)
        return BatchSplit(records=records)

    async def _park_for_us(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Park a record on which the hub failed, however often it takes."""
        row = {**parked_row(record, INTERNAL_FAULT, self._heartbeat.clock.now()), "blame": "hub"}
        while True:
            try:
                async with self._pool.acquire() as c:
                    await park(c, row)
            except TRANSIENT_ERRORS as error:
                log.warning("park.failed", records=1, error=str(error), next="retry in 0.3 s")
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def _apply(self, c: Connection, records: Sequence[ReceivedReport]) -> list[ReportAnswer]:
        at = self._heartbeat.clock.now()
        usable: list[tuple[ConsumerRecord[bytes, bytes], IncomingReport]] = []
        for received in records:
            match received.report:
                case IncomingReport() as report:
                    usable.append((received.record, report))
                case why:
                    blame = "hub" if why is INTERNAL_FAULT else "sender"
                    await park(c, {**parked_row(received.record, why, at), "blame": blame})
        answers = await settle.apply_reports(c, [report for _, report in usable], at, self._heartbeat.process)
        for (record, report), answer in zip(usable, answers, strict=True):
            if isinstance(answer, UnknownDelivery):
                await park(c, awaiting_delivery(parked_row(record, UNKNOWN_DELIVERY, at), report))
        return answers

    async def work(self) -> None:
        """Each second, apply parked reports whose delivery has appeared, and write the measured hops."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                await self._retry_parked()
                await self.flush()
                loops.moved("reports.parked")
            except Exception as error:  # nothing starts this task again
                loops.failed("reports.parked", error)
                log.warning("parked.failed", error=str(error), exc_info=not is_transient(error), next="retry in 1 s")

    async def _retry_parked(self) -> None:
        """Apply parked reports whose delivery has appeared: together, or one by one when that fails."""
        async with self._pool.acquire() as c, c.transaction():
            arrived = await store.parked_that_arrived(c)
            try:
                async with c.transaction():
                    answers = await self._apply_parked(c, arrived)
            except Exception as error:
                if is_transient(error):
                    raise
                answers = [answer for row in arrived for answer in await self._apply_one_parked(c, row)]
        self._note(answers)

    async def _apply_one_parked(self, c: Connection, row: Mapping[str, Any]) -> list[ReportAnswer]:
        try:
            async with c.transaction():
                return await self._apply_parked(c, [row])
        except Exception as error:
            if is_transient(error):
                raise
            log.exception("parked.unusable", parked=row["id"], next="osr-hub parked list")
            await store.refuse_parked(c, row["id"], INTERNAL_FAULT.reason, INTERNAL_FAULT.detail, blame="hub")
            return []

    async def _apply_parked(self, c: Connection, rows: Sequence[Mapping[str, Any]]) -> list[ReportAnswer]:
        now = self._heartbeat.clock.now()
        usable: list[tuple[Mapping[str, Any], IncomingReport]] = []
        for row in rows:
            match read_report(row["bytes"], _headers(row), now):
                case IncomingReport() as report:
                    usable.append((row, report))
                case why:
                    await store.refuse_parked(c, row["id"], why.reason, why.detail, blame="sender")
        answers = await settle.apply_reports(c, [report for _, report in usable], now, self._heartbeat.process)
        known = [row["id"] for (row, _), a in zip(usable, answers, strict=True) if not isinstance(a, UnknownDelivery)]
        if known:
            await store.unpark(c, known)
        return answers

    def _note(self, answers: Iterable[ReportAnswer]) -> None:
        for answer in answers:
            if isinstance(answer, UnknownDelivery):
                continue
            self._changes.notify()
            for result in answer:
                if result.notifies_system:
                    self._lanes.notify()
                if result.processing_seconds is not None:
                    self._meters.observe(result.destination, "processing", result.processing_seconds)

    async def flush(self) -> None:
        """Write the measured hops."""
        async with self._pool.acquire() as c:
            await self._meters.flush(c, self._heartbeat.process)


def _headers(row: Any) -> list[tuple[str, bytes | None]]:  # noqa: ANN401 - a row of the driver
    return [(name, text.encode()) for name, text in store.read_headers(row["headers"])]
