"""A Kafka as others run it: it creates topics for whoever asks, knows rights and passwords, and damages its files."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from structlog.testing import capture_logs

from hub.clock import now
from hub.commands.doctor import broker
from hub.embedded.kafka import KafkaAccess
from hub.kafka import batches, broker_facts, consumer
from hub.kafka.aiokafka_amended import UnreadableBatch
from hub.kafka.broker_facts import read_broker_facts
from hub.kafka.group_lag import read_group_lag
from hub.kafka.offsets import read_topic_offsets
from hub.kafka.reach import find_fault
from hub.kafka.topics import create_missing, report_differences
from hub.recovery.topic_reader import read_records
from schemas.topics import DELIVERIES, DUO_REPORTS, MANDATES
from tests.support.lanes.forwarding import settings_for, until
from tests.support.servers.brokers import run_kafka
from tests.support.servers.strict_kafka import (
    DESCRIBE_CONFIGS,
    GROUP,
    GUEST,
    SETTINGS,
    TOPIC,
    allow,
    ask_as_everybody_does,
    names,
    options_of,
    reading,
    write_records,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence

    from hub.commands.doctor import Check
    from hub.embedded.kafka import EmbeddedKafka

REPORTS: Final = replace(DUO_REPORTS, partitions=2)


@pytest.fixture(scope="module")
async def strict() -> AsyncIterator[EmbeddedKafka]:
    """A broker that creates topics for whoever asks, and that wants passwords and rights."""
    access = KafkaAccess(password="ours", controller_password="its-own")
    async with run_kafka([REPORTS], SETTINGS, access) as (_, server):
        yield server


async def test_no_client_of_the_hub_lets_a_broker_create_topics(
    strict: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Consumers, producers and readers of offsets that ask for a topic do not make it; others' clients do."""
    monkeypatch.setattr(batches, "REQUEST_MS", 300)
    before, options = await names(strict), options_of(strict)
    async with reading(options, "by.consumers"):
        producer = batches.make_producer(options)
        await producer.start()
        with pytest.raises(KafkaError):
            await producer.partitions_for("by.producers")
        await producer.stop()
        assert await read_topic_offsets(options, ["by.offsets"]) == {}
        assert "by.fault does not exist" in await find_fault(options, TimeoutError(), ["by.fault"])
        assert await names(strict) == before
    await ask_as_everybody_does(strict, "by.others")
    await until(lambda: _holds(names(strict), before | {"by.others"}))


async def test_a_topic_that_was_deleted_under_load_stays_away(strict: EmbeddedKafka) -> None:
    """A topic that is deleted while a consumer and a producer use it does not come back, and is read when it does."""
    topic, options = replace(DUO_REPORTS, name="deleted.v1", partitions=1), options_of(strict)
    await create_missing(strict.bootstrap, [topic], options=strict.client_options())
    producer = batches.make_producer(options)
    await producer.start()

    async def write(text: str) -> bool:
        _, error = await batches.send_records(producer, topic.name, 0, [("18DS", text.encode())])
        return error is None

    async with reading(options, topic.name) as heard:
        assert await write("first")
        await until(lambda: _is(len(heard) == 1))
        admin = AIOKafkaAdminClient(**options)
        await admin.start()
        await admin.delete_topics([topic.name])
        for _ in range(20):
            await asyncio.gather(producer.client.force_metadata_update(), asyncio.sleep(0.05))
        assert topic.name not in await names(strict)
        await create_missing(strict.bootstrap, [topic], options=strict.client_options())
        await batches.stop_producer(producer)
        producer = batches.make_producer(options)
        await producer.start()
        await until(lambda: write("second"))
        await until(lambda: _is(heard[-1].value == b"second"))
    await batches.stop_producer(producer)
    await admin.close()


async def test_a_reader_without_rights_says_which_and_reads_when_it_gets_them(
    strict: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that may not read says which right is missing, and reads as soon as it has it."""
    monkeypatch.setattr(consumer, "RESTART_SECONDS", 0.2)
    await write_records(strict, REPORTS.name, [b"a report"])
    with capture_logs() as lines:
        async with reading(options_of(strict, GUEST), REPORTS.name) as heard:
            await until(lambda: _is("refuses topic duo.reports.v1" in said(lines)), within=30)
            await allow(strict, TOPIC, REPORTS.name)
            await until(lambda: _is("refuses group who-reads: its user lacks the right Read" in said(lines)), within=30)
            await allow(strict, GROUP, "who-reads")
            await until(lambda: _is(len(heard) == 1), within=30)


@pytest.mark.parametrize(
    ("differs", "words"),
    [
        ({"sasl_plain_password": "wrong"}, "refuses the name and password"),
        ({"sasl_mechanism": "SCRAM-SHA-256"}, "wants another SASL mechanism"),
        ({"security_protocol": "PLAINTEXT"}, "it may want another SECURITY_PROTOCOL than PLAINTEXT"),
    ],
)
async def test_what_is_wrong_with_a_connection_is_said(
    strict: EmbeddedKafka, differs: dict[str, str], words: str
) -> None:
    """A wrong password, mechanism or protocol is named for what it is."""
    options = options_of(strict, {**strict.client_options(), **differs})
    producer = batches.make_producer(options)
    with pytest.raises(KafkaError) as fault:
        await producer.start()
    await batches.stop_producer(producer)
    assert words in await find_fault(options, fault.value)


async def test_a_batch_that_the_disk_damaged_is_one_record_and_the_next_are_read(strict: EmbeddedKafka) -> None:
    """Of three batches whose second was damaged on disk, the first and third are read; the second is told of."""
    topic = replace(DUO_REPORTS, name="damaged.v1", partitions=1)
    await create_missing(strict.bootstrap, [topic], options=strict.client_options())
    await write_records(strict, topic.name, [b"first", b"second", b"third"])
    (segment,) = (strict.data.kafka / "damaged.v1-0").glob("*.log")
    segment.write_bytes(segment.read_bytes().replace(b"second", b"SECOND"))
    async with reading(options_of(strict), topic.name) as heard:
        await until(lambda: _is(len(heard) == 3))
    first, second, third = heard
    assert (first.value, third.value) == (b"first", b"third")
    assert isinstance(second, UnreadableBatch)
    assert second.offset == 1
    assert b"SECOND" in (second.value or b"")
    assert "CorruptRecordException" in second.why


def said(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return the errors of all log lines."""
    return "\n".join(str(line.get("error")) for line in lines)


async def _holds(asked: Awaitable[set[str]], wanted: set[str]) -> bool:
    return await asked == wanted


async def _is(claim: bool) -> bool:  # noqa: FBT001 - what `until` waits for
    return claim


async def test_the_doctor_names_what_is_wrong_with_a_kafka(strict: EmbeddedKafka) -> None:
    """Creation by accident, another partition count, a right that is missing, and records that wait are findings."""
    await create_missing(strict.bootstrap, [DELIVERIES, MANDATES], options=strict.client_options())
    now = int(time.time() * 1000)
    async with AIOKafkaProducer(**options_of(strict)) as producer:
        await producer.send_and_wait(MANDATES.name, b"x", partition=1, timestamp_ms=now - 120_000)
        await producer.send_and_wait(MANDATES.name, b"x", partition=2, timestamp_ms=now)
    found = await diagnose(strict.client_settings(), broker.check_ours)
    assert "WRONG  Kafka: it creates topics that any client asks for by mistake: set auto.create" in found
    assert "WRONG  Kafka, group osr-hub.plan: 2 records wait, the oldest for 12" in found
    assert "look into its log" in found
    found = await diagnose(strict.client_settings(), broker.check_duos)
    assert "WRONG  DUO's Kafka: duo.reports.v1 has 2 partitions, the table says 12" in found
    assert "WRONG  DUO's Kafka: duo.rio.v1 does not exist: run `osr-hub topics`" in found
    for topic in (MANDATES, DELIVERIES):
        await allow(strict, TOPIC, topic.name)
        await allow(strict, TOPIC, topic.name, DESCRIBE_CONFIGS)
    guest = {**strict.client_settings(), "SASL_MECHANISM": "PLAIN", "SASL_USERNAME": "guest"}
    found = await diagnose({**guest, "SASL_PASSWORD": "guest-password"}, broker.check_ours)
    assert "WRONG  Kafka: this hub lacks the right Write on topic osr.deliveries.v1" in found
    assert "WRONG  Kafka: this hub lacks the right Write on topic osr.mandates.v1" in found


async def test_a_process_tells_its_log_what_differs(strict: EmbeddedKafka) -> None:
    """What differs from the table is one line of the log each, when a process starts."""
    with capture_logs() as lines:
        await report_differences(options_of(strict), [DUO_REPORTS])
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("topics.differ", "warning")
    assert line["difference"].startswith("duo.reports.v1 has 2 partitions, the table says 12: ")


async def diagnose(kafka: Mapping[str, str], check: Check) -> str:
    """Return what a check of the doctor prints."""
    environment = {
        f"OSR_HUB_{whose}__{name}": value for name, value in kafka.items() for whose in ("KAFKA", "DUO_KAFKA")
    }
    findings = await check(settings_for("postgresql://nobody@nowhere/none", environment))
    return "\n".join(map(str, findings))


async def test_what_a_transaction_left_is_not_read(strict: EmbeddedKafka) -> None:
    """Of an aborted and an open transaction nothing is read; what was committed before is, and nobody waits."""
    topic = replace(MANDATES, name="transactions.v1", partitions=1)
    await create_missing(strict.bootstrap, [topic], options=strict.client_options())
    options = options_of(strict)
    async with (
        AIOKafkaProducer(**options, transactional_id="others") as others,
        AIOKafkaProducer(**options, transactional_id="open") as stays_open,
    ):
        async with others.transaction():
            await others.send_and_wait(topic.name, b"committed", partition=0)
        with suppress(ZeroDivisionError):
            async with others.transaction():
                await others.send_and_wait(topic.name, b"aborted", partition=0)
                raise ZeroDivisionError
        await stays_open.begin_transaction()
        await stays_open.send_and_wait(topic.name, b"open", partition=0)
        async with reading(options, topic.name) as heard:
            await until(lambda: _is(bool(heard)))
            there = (await read_topic_offsets(options, [topic.name]))[topic.name]
            read = [record.value async for part in read_records(options, topic.name, there, {}) for record in part]
            lag = await read_group_lag(options, "nobody", topic.name)
        await stays_open.abort_transaction()
    assert ([record.value for record in heard], read) == ([b"committed"], [b"committed"])
    assert lag is not None
    assert lag.uncommitted == 1


async def test_the_doctor_compares_the_brokers_clock_and_its_disks(
    strict: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what the broker tells of itself, so that nothing is written; one that may not be asked says so."""
    options = options_of(strict)
    before = await read_topic_offsets(options, sorted(await names(strict)))
    facts = await read_broker_facts(options)
    assert facts.ahead_seconds == pytest.approx(0, abs=1.5)
    assert [0 < disk.usable <= disk.total for disk in facts.disks] == [True]
    monkeypatch.setattr(broker_facts, "now", lambda: now() - timedelta(seconds=60))
    clock, disk = [str(each) for each in await broker.look_at_clock_and_disks("Kafka", options)]
    assert clock.startswith(("WRONG  clock of Kafka: 60.", "WRONG  clock of Kafka: 59."))
    assert disk.startswith(("well   disk of Kafka, broker ", "WRONG  disk of Kafka, broker "))
    assert await read_topic_offsets(options, sorted(await names(strict))) == before
    strangers = await read_broker_facts(options_of(strict, GUEST))
    assert (strangers.ahead_seconds, strangers.disks) == (None, ())
