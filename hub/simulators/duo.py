"""A believable DUO. In: its queues. Out: a report on each message, a moment later, on `duo.reports.v1`.

It knows the published language only, and keeps nothing but its offsets, which it commits after the reports of all
messages before them were taken: killed at any moment it reports some messages twice, and misses none.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from hub.clock import now
from hub.kafka.consumer import WaitingConsumer
from hub.simulators.back_office import decide_outcome
from hub.simulators.mailbox import RecentIds
from schemas.cloudevents import KAFKA_HEADERS, SPECVERSION, NotACloudEvent, encode, read, write_time
from schemas.kinds import EventType
from schemas.topics import DUO_REPORTS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
    from datetime import datetime

    from aiokafka.structs import ConsumerRecord, TopicPartition

    from schemas.cloudevents import ReceivedEvent

QUEUES: Final = r"^duo\.(?!reports\.)[a-z0-9-]+\.v1$"
SOURCE: Final = "urn:nld:oin:00000001800866472000:systeem:duo"
MAX_RECORDS: Final = 2000
MAX_BATCHES: Final = 8
REMEMBERED: Final = 50_000
RECONNECT_SECONDS: Final = 0.5
ANSWER_SECONDS: Final = 10.0
"""How long it waits for the broker: to connect, to take reports or offsets, to assign all partitions."""
LOOK_SECONDS: Final = 1.0
STOP_SECONDS: Final = 3.0
POLL_MS: Final = 200
FETCH_BYTES: Final = 262_144
_STOPPING: Final = set[asyncio.Task[None]]()
"""Clients that have not stopped yet: asyncio itself keeps no task alive."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DuoOptions:
    """Where DUO reads and reports, its consumer group, and its usual delay in seconds."""

    queues: tuple[str, ...] = ()
    """None: every topic that is named as a queue of DUO, those of services that are added meanwhile too."""
    reports: str = DUO_REPORTS.name
    group: str = "simulate-duo"
    delay: float = 1.0


@dataclass(frozen=True, slots=True)
class ReportBatch:
    """Reports that are due together, and the offsets to commit after them."""

    due: datetime
    reports: list[tuple[bytes, bytes]]
    offsets: Mapping[TopicPartition, int]


class DuoBackOffice:
    """Turns messages into reports; remembers the ids that it has seen lately."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._seen = RecentIds(REMEMBERED)

    def work(self, records: Mapping[TopicPartition, list[ConsumerRecord[Any, Any]]], at: datetime) -> ReportBatch:
        """Return the reports on messages that were read at this moment; repeats get none."""
        reports, due = [], at
        for record in (record for part in records.values() for record in part):
            event = _read(record)
            if event is None or not self._seen.is_new(event.id):
                continue
            decided = decide_outcome(event.id)
            moment = at + timedelta(seconds=self._delay * decided.delay)
            due = max(due, moment)
            data: dict[str, object] = {
                "deliveryId": event.id,
                "status": decided.status.value,
                "signals": [remark.as_json() for remark in decided.signals],
                "reportedAt": write_time(moment),
            }
            reports.append((record.key, _write(event, data)))
        return ReportBatch(due, reports, {partition: part[-1].offset + 1 for partition, part in records.items()})


async def run(options: Mapping[str, Any], duo: DuoOptions, stop: asyncio.Event) -> None:
    """Read and report until told to stop; `options` say how to reach DUO's broker."""
    ended = asyncio.create_task(stop.wait())
    while not stop.is_set():
        session = asyncio.create_task(_session(options, duo))
        await asyncio.wait((session, ended), return_when=asyncio.FIRST_COMPLETED)
        session.cancel()
        try:
            await session
        except asyncio.CancelledError:
            continue
        except (KafkaError, OSError, TimeoutError, RuntimeError) as error:
            log.info("duo.broker_away", error=repr(error), next="connect again")
            await asyncio.wait((ended,), timeout=RECONNECT_SECONDS)


async def _session(options: Mapping[str, Any], duo: DuoOptions) -> None:
    async with AsyncExitStack() as stack:
        producer = AIOKafkaProducer(**options, acks="all", linger_ms=5, max_batch_size=262_144)
        stack.push_async_callback(_stop_client, producer)
        async with _answer("the producer does not connect"):
            await producer.start()
        broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        consumer = _make_consumer(options, duo, broken)
        stack.push_async_callback(_stop_client, consumer)
        async with _answer("the consumer does not connect"):
            await consumer.start()
        consumer.subscribe(topics=duo.queues) if duo.queues else consumer.subscribe(pattern=QUEUES)
        batches: asyncio.Queue[ReportBatch] = asyncio.Queue(MAX_BATCHES)
        await _run_together(
            _read_messages(consumer, DuoBackOffice(duo.delay), batches),
            _report(consumer, producer, batches, duo.reports),
            _watch_partitions(consumer),
            _wait_for(broken),
        )


def _make_consumer(options: Mapping[str, Any], duo: DuoOptions, broken: asyncio.Future[None]) -> WaitingConsumer:
    return WaitingConsumer(
        broken=broken,
        moved=lambda: None,
        **options,
        group_id=duo.group,
        group_instance_id=f"{duo.group}-1",
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=FETCH_BYTES,
        enable_auto_commit=False,
    )


@asynccontextmanager
async def _answer(otherwise: str) -> AsyncIterator[asyncio.Timeout]:
    """Raise `TimeoutError` with these words when the broker does not answer in time."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS) as bound:
            yield bound
    except TimeoutError as error:
        raise TimeoutError(f"for {ANSWER_SECONDS:g} s {otherwise}" if bound.expired() else str(error)) from error


async def _run_together(*work: Coroutine[Any, Any, None]) -> None:
    """Run all until one fails, then cancel the others."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _read_messages(consumer: WaitingConsumer, office: DuoBackOffice, batches: asyncio.Queue[ReportBatch]) -> None:
    while True:
        await batches.put(office.work(await consumer.getmany(timeout_ms=POLL_MS, max_records=MAX_RECORDS), now()))


async def _watch_partitions(consumer: WaitingConsumer) -> None:
    """Raise `TimeoutError` when the consumer lacks partitions for long: its group has no other member to read them."""
    async with _answer("the consumer has not been assigned all partitions") as bound:
        while True:
            if consumer.assignment() and not consumer.unassigned():
                bound.reschedule(asyncio.get_running_loop().time() + ANSWER_SECONDS)
            await asyncio.sleep(LOOK_SECONDS)


async def _wait_for(broken: asyncio.Future[None]) -> None:
    await broken


async def _report(
    consumer: WaitingConsumer, producer: AIOKafkaProducer, batches: asyncio.Queue[ReportBatch], topic: str
) -> None:
    while True:
        batch = await batches.get()
        await asyncio.sleep((batch.due - now()).total_seconds())
        async with _answer("the reports are not taken"):
            await _send(producer, topic, batch.reports)
        try:
            async with _answer("the offsets are not committed"):
                await consumer.commit(batch.offsets)
        except (CommitFailedError, IllegalStateError) as error:
            log.debug(
                "duo.offsets_not_committed", error=repr(error)
            )  # the partition moved: it is read and reported again


async def _send(producer: AIOKafkaProducer, topic: str, reports: Iterable[tuple[bytes, bytes]]) -> None:
    futures = [await producer.send(topic, value, key=key, headers=list(KAFKA_HEADERS)) for key, value in reports]
    await asyncio.gather(*futures)


async def _stop_client(client: AIOKafkaProducer | WaitingConsumer) -> None:
    """Stop a client; one that takes long ends by itself, once the broker answers or its requests have expired."""
    stopping = asyncio.create_task(_stop(client))
    _STOPPING.add(stopping)
    stopping.add_done_callback(_STOPPING.discard)
    await asyncio.wait({stopping}, timeout=STOP_SECONDS)


async def _stop(client: AIOKafkaProducer | WaitingConsumer) -> None:
    try:
        await client.stop()
    except (KafkaError, OSError, TimeoutError) as error:
        log.debug("duo.client_not_stopped", error=repr(error))  # nothing is lost: the offsets are committed


def _read(record: ConsumerRecord[Any, Any]) -> ReceivedEvent | None:
    try:
        return read(record.value, record.headers)
    except NotACloudEvent as error:
        log.warning("duo.message_unreadable", topic=record.topic, offset=record.offset, error=error.reason)
        return None


def _write(event: ReceivedEvent, data: dict[str, object]) -> bytes:
    attributes = {
        "specversion": SPECVERSION,
        "id": f"report-{event.id}",
        "source": SOURCE,
        "type": EventType.REPORT.value,
        "datacontenttype": "application/json",
        "partitionkey": event.text("partitionkey"),
        "traceparent": event.text("traceparent"),
    }
    return encode(attributes, data)
