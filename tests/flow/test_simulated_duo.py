"""The simulated DUO on a real broker: every message gets its report, also through kills."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from hub.clock import now
from hub.domain.ids import new_id
from hub.kafka.consumer import WaitingConsumer
from hub.kafka.topics import create_missing
from hub.settle import IncomingReport
from hub.settle.records import read_report
from hub.simulators import duo as simulate_duo
from hub.simulators.back_office import decide_outcome
from hub.simulators.duo import DuoOptions
from schemas.cloudevents import KAFKA_HEADERS, encode
from schemas.kinds import EventType, ReportStatus
from schemas.topics import DUO_BRON_PO, DUO_REPORTS, DUO_RIO, DUO_VERZUIM
from tests.support.lanes.forwarding import until
from tests.support.servers.topics import delete_topics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from aiokafka.structs import ConsumerRecord

QUEUES = (DUO_BRON_PO.name, DUO_VERZUIM.name, DUO_RIO.name)
IMPATIENT_SECONDS = 3.0


@pytest.fixture
def options(kafka: str) -> dict[str, Any]:
    """Give the options by which a client connects."""
    return {"bootstrap_servers": kafka, "metadata_max_age_ms": 3000}


@pytest.fixture
def duo(topics: Mapping[str, str]) -> DuoOptions:
    """Give a quick DUO a desk of this test's own."""
    reports = topics[DUO_REPORTS.name]
    return DuoOptions(queues=tuple(topics[name] for name in QUEUES), reports=reports, group=reports, delay=0.02)


@pytest.fixture
def consumers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Keep the consumers that the simulator makes, the newest as the last."""
    made: list[Any] = []

    class Noted(WaitingConsumer):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            made.append(self)

    monkeypatch.setattr(simulate_duo, "WaitingConsumer", Noted)
    return made


@pytest.fixture
async def producer(options: dict[str, Any]) -> AsyncIterator[AIOKafkaProducer]:
    """Give a producer that plays the hub."""
    async with AIOKafkaProducer(**options) as it:
        yield it


async def send(producer: AIOKafkaProducer, topic: str, count: int) -> list[str]:
    """Put messages into a queue and return their ids."""
    ids = [str(new_id(now())) for _ in range(count)]
    for index, message in enumerate(ids):
        attributes = {
            "specversion": "1.0",
            "id": message,
            "source": "urn:x",
            "type": EventType.GRANTED.value,
            "partitionkey": f"{index % 100:02}AA",
        }
        await producer.send(
            topic, encode(attributes, {}), key=f"{index % 100:02}AA".encode(), headers=list(KAFKA_HEADERS)
        )
    await producer.flush()
    return ids


@contextlib.asynccontextmanager
async def running(options: dict[str, Any], duo: DuoOptions) -> AsyncIterator[asyncio.Task[None]]:
    """Run the simulator, and let it stop in order at the end."""
    stop = asyncio.Event()
    task = asyncio.create_task(simulate_duo.run(options, duo, stop))
    try:
        yield task
    finally:
        stop.set()
        await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), 10)


async def reports_of(options: dict[str, Any], duo: DuoOptions, wanted: set[str]) -> list[ConsumerRecord[Any, Any]]:
    """Read reports from the beginning until each of these deliveries has one."""
    missing, records = set(wanted), []
    async with AIOKafkaConsumer(duo.reports, **options, auto_offset_reset="earliest") as consumer:
        async with asyncio.timeout(60):
            while missing:
                for record in (r for part in (await consumer.getmany(timeout_ms=200)).values() for r in part):
                    records.append(record)
                    missing.discard(str(_report(record).delivery_id))
    return records


async def test_every_message_is_reported_on_once(
    options: dict[str, Any], duo: DuoOptions, producer: AIOKafkaProducer
) -> None:
    """Messages of all queues are reported on once; records that are no events are skipped."""
    ids = [message for queue in duo.queues for message in await send(producer, queue, 100)]
    await producer.send_and_wait(duo.queues[0], b"no event", key=b"18DS")
    async with running(options, duo):
        records = await reports_of(options, duo, set(ids))
    reports = [_report(record) for record in records]
    assert Counter(str(report.delivery_id) for report in reports) == Counter(ids)
    assert {str(r.delivery_id): r.status for r in reports} == {
        message: decide_outcome(message).status for message in ids
    }
    assert {record.key for record in records} <= {f"{n:02}AA".encode() for n in range(100)}


async def test_a_repeat_gets_no_second_report(
    options: dict[str, Any], duo: DuoOptions, producer: AIOKafkaProducer
) -> None:
    """A repeated message gets no second report."""
    attributes = {"specversion": "1.0", "id": str(new_id(now())), "source": "x", "type": "t", "partitionkey": "18DS"}
    for _ in range(3):
        await producer.send_and_wait(duo.queues[0], encode(attributes, {}), key=b"18DS", headers=list(KAFKA_HEADERS))
    last = (await send(producer, duo.queues[0], 1))[0]
    async with running(options, duo):
        records = await reports_of(options, duo, {last, str(attributes["id"])})
    assert len([r for r in records if str(_report(r).delivery_id) == attributes["id"]]) == 1


async def test_killed_in_the_middle_it_reports_on_everything(
    options: dict[str, Any], duo: DuoOptions, producer: AIOKafkaProducer
) -> None:
    """After a kill every message is reported on at least once."""
    ids = await send(producer, duo.queues[2], 3000)
    async with running(options, duo) as first:
        await reports_of(options, duo, set(ids[:1]))
        first.cancel()
    async with running(options, duo):
        records = await reports_of(options, duo, set(ids))
    assert {str(_report(record).delivery_id) for record in records} == set(ids)


async def test_it_comes_back_when_a_task_of_its_consumer_ends(
    options: dict[str, Any], duo: DuoOptions, producer: AIOKafkaProducer, consumers: list[Any]
) -> None:
    """A task of the client may end without a word, as when a broker comes back empty; the next consumer reads on."""
    async with running(options, duo):
        await reports_of(options, duo, set(await send(producer, duo.queues[0], 1)))
        consumers[0]._client._sync_task.cancel()  # noqa: SLF001 - there is no other way to end it
        await until(lambda: _is(len(consumers) > 1))
        await reports_of(options, duo, set(await send(producer, duo.queues[1], 1)))


async def test_it_comes_back_when_its_consumer_is_left_without_partitions(
    options: dict[str, Any],
    duo: DuoOptions,
    producer: AIOKafkaProducer,
    consumers: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A consumer that has lost its partitions without an error is replaced: no other member of its group reads them."""
    monkeypatch.setattr(simulate_duo, "ANSWER_SECONDS", IMPATIENT_SECONDS)
    async with running(options, duo):
        await reports_of(options, duo, set(await send(producer, duo.queues[0], 1)))
        consumers[0]._subscription.assign_from_subscribed([])  # noqa: SLF001 - as if the broker had assigned none
        await reports_of(options, duo, set(await send(producer, duo.queues[1], 1)))


async def test_it_comes_back_when_a_task_of_its_producer_ends(
    options: dict[str, Any], duo: DuoOptions, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A producer that will never learn where to send is replaced, and the messages are reported on."""
    made: list[AIOKafkaProducer] = []

    class Wedged(AIOKafkaProducer):  # type: ignore[misc]  # aiokafka has no types
        async def start(self) -> None:
            await super().start()
            if not made:
                self.client._sync_task.cancel()  # noqa: SLF001 - there is no other way to end it
            made.append(self)

    monkeypatch.setattr(simulate_duo, "ANSWER_SECONDS", IMPATIENT_SECONDS)
    monkeypatch.setattr(simulate_duo, "AIOKafkaProducer", Wedged)
    ids = await send(producer, duo.queues[0], 10)
    async with running(options, duo):
        await reports_of(options, duo, set(ids))


async def test_a_client_that_stops_slowly_is_left_to_end(
    options: dict[str, Any], duo: DuoOptions, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that is not waited for any longer still ends: cut off, its tasks and connections would stay."""
    answered, ended = asyncio.Event(), asyncio.Event()

    class Slow(AIOKafkaProducer):  # type: ignore[misc]  # aiokafka has no types
        async def stop(self) -> None:
            await answered.wait()
            await super().stop()
            ended.set()

    monkeypatch.setattr(simulate_duo, "STOP_SECONDS", 0.1)
    monkeypatch.setattr(simulate_duo, "AIOKafkaProducer", Slow)
    async with running(options, duo):
        await reports_of(options, duo, set(await send(producer, duo.queues[0], 1)))
    answered.set()
    async with asyncio.timeout(30):
        await ended.wait()


async def test_it_reads_a_queue_that_was_created_while_it_restarted(
    options: dict[str, Any], duo: DuoOptions, producer: AIOKafkaProducer, consumers: list[Any]
) -> None:
    """The broker gives a member that restarts the partitions that it had; the one that has come since is read too."""
    late = replace(DUO_RIO, name=duo.queues[2])
    duo = replace(duo, queues=(late.name,))
    await delete_topics(options["bootstrap_servers"], {late.name})
    async with running(options, duo):
        await until(lambda: _is(bool(consumers) and _has_joined(consumers[0])))
    await create_missing(options["bootstrap_servers"], [late])
    ids = await send(producer, late.name, 10)
    async with running(options, duo):
        await reports_of(options, duo, set(ids))


def test_most_is_processed_and_some_is_not() -> None:
    """About one in twenty gets a signal and one in fifty is rejected, the same each time."""
    ids = [str(new_id(now())) for _ in range(5000)]
    answers = [decide_outcome(message) for message in ids]
    counts = Counter(each.status for each in answers)
    assert counts[ReportStatus.PROCESSED] > 4500
    assert 150 < counts[ReportStatus.PROCESSED_WITH_SIGNAL] < 400
    assert 50 < counts[ReportStatus.REJECTED] < 200
    assert all(bool(each.signals) == (each.status is not ReportStatus.PROCESSED) for each in answers)
    assert all(0.5 <= each.delay <= 1.5 for each in answers)
    assert [decide_outcome(message) for message in ids] == answers


def _has_joined(consumer: Any) -> bool:
    subscription = consumer._subscription.subscription  # noqa: SLF001 - a member may have no partition
    return subscription is not None and subscription.assignment is not None


async def _is(claim: bool) -> bool:  # noqa: FBT001 - what `until` waits for
    return claim


def _report(record: ConsumerRecord[Any, Any]) -> IncomingReport:
    report = read_report(record.value, record.headers, now())
    assert isinstance(report, IncomingReport), report
    return report
