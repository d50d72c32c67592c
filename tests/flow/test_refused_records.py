"""Records that a broker refuses, and topics with another number of partitions: others go on, in the right places."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from consumers.forwarding.queues import Queues
from hub.clock import now
from hub.commands.doctor import refused_events
from hub.domain.delivery import Delivered
from hub.kafka import sender
from hub.kafka.batches import partition_of
from producers import relay
from tests.flow.test_wedged_producer import SCHOOLS, tell_duo
from tests.support.lanes.forwarding import forwarder, settings_for, until
from tests.support.receivers.recording_receivers import events_in, inversions
from tests.support.register.subscriptions import assert_books_right, grant, make_register

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from hub.store.pool import Connection

SMALL: Final = 3000
"""More bytes than a message of these tests has, and fewer than a batch of them."""
LARGE: Final = '{"note": "' + "x" * SMALL + '"}'


@asynccontextmanager
async def admin_of(kafka: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """Open an admin client."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    yield admin
    await admin.close()


async def make_topic(kafka: str, partitions: int, **settings: str) -> str:
    """Create a topic with settings of its own, wait until it is there, and return its name."""
    name = f"queue.{uuid4().hex}"
    configured = {setting.replace("_", "."): value for setting, value in settings.items()}
    async with admin_of(kafka) as admin:
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configured)])

        async def is_there() -> bool:
            return name in await admin.list_topics()

        await until(is_there)
    return name


async def configure(kafka: str, topic: str, **settings: str) -> None:
    """Change a topic's settings."""
    configured = {setting.replace("_", "."): value for setting, value in settings.items()}
    async with admin_of(kafka) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configured)])


async def read_topic(kafka: str, topic: str) -> list[Any]:
    """Return all records of a topic, partition by partition."""
    async with AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest") as consumer:
        consumer.subscribe([topic])
        partitions = [TopicPartition(topic, number) for number in await _partitions(consumer, topic)]
        consumer.unsubscribe()
        consumer.assign(partitions)
        ends, records = await consumer.end_offsets(partitions), defaultdict[TopicPartition, list[Any]](list)
        while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
            for partition, found in (await consumer.getmany(timeout_ms=200)).items():
                records[partition] += found
    return [record for partition in partitions for record in records[partition]]


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> Sequence[int]:
    while not (found := consumer.partitions_for_topic(topic)):
        await consumer._client.force_metadata_update()  # noqa: SLF001 - it has no other way to learn of a topic
    return sorted(found)


async def count(c: Connection, what: str) -> int:
    """Count rows."""
    return int(await c.fetchval(f"select count(*) from {what}"))  # noqa: S608 - words of this file


async def _is(claim: bool) -> bool:  # noqa: FBT001 - what `until` waits for
    return claim


async def _holds(c: Connection, what: str, wanted: int) -> bool:
    return await count(c, what) == wanted


async def test_a_message_that_is_too_large_costs_its_own_lane_only(
    connection: Connection, database: str, kafka: str
) -> None:
    """Batches larger than a queue takes are sent in parts; a message larger than it takes waits, with the reason."""
    topic = await make_topic(kafka, 1, max_message_bytes=str(SMALL))
    await tell_duo(connection, topic)
    brin = await connection.fetchval("select min(brin) from lanes")
    await connection.execute("update events set body = $2 where brin = $1 and number = 2", brin, LARGE)
    async with forwarder(settings_for(database, {"OSR_HUB_KAFKA__BOOTSTRAP_SERVERS": kafka})):
        taken = (SCHOOLS - 1) * 5 + 1
        await until(lambda: _holds(connection, "deliveries where status = 'delivered'", taken), within=20)
    told = events_in(await read_topic(kafka, topic))
    assert (len({event["id"] for event in told}), inversions(told)) == (taken, [])
    waiting = await connection.fetch("select brin, sequence from deliveries where status <> 'delivered' order by 2")
    assert [tuple(row) for row in waiting] == [(brin, sequence) for sequence in (2, 3, 4, 5)]
    error = await connection.fetchval("select error from attempts")
    assert "larger than the queue takes: its max.message.bytes" in error
    assert await connection.fetchval("select circuit from destinations where name = 'duo:rio'") == "closed"
    await assert_books_right(connection)


@pytest.mark.parametrize("partitions", [1, 16])
async def test_messages_go_by_the_topic_s_own_partitions(
    connection: Connection, database: str, kafka: str, partitions: int
) -> None:
    """A queue with fewer or more partitions than the table says gets each school where its key belongs."""
    topic = await make_topic(kafka, partitions)
    await tell_duo(connection, topic)
    async with forwarder(settings_for(database, {"OSR_HUB_KAFKA__BOOTSTRAP_SERVERS": kafka})):
        await until(lambda: _holds(connection, "deliveries where status = 'delivered'", SCHOOLS * 5))
    records = await read_topic(kafka, topic)
    assert len(records) == SCHOOLS * 5
    assert all(record.partition == partition_of(record.key.decode(), partitions) for record in records)
    assert inversions(events_in(records)) == []


async def test_a_topic_that_gets_more_partitions_is_followed(kafka: str) -> None:
    """The number of partitions is the topic's own, also after it was raised while the forwarder works."""
    topic = await make_topic(kafka, 2)
    queues = Queues({"bootstrap_servers": [kafka], "metadata_max_age_ms": 100}, now)
    assert await queues.partitions(topic) == 2
    async with admin_of(kafka) as admin:
        await admin.create_partitions({topic: NewPartitions(7)})

    async def is_followed() -> bool:
        return await queues.partitions(topic) == 7

    await until(is_followed)
    (outcome,) = await queues.send(topic, 6, [("18DS", b"{}")])
    assert isinstance(outcome, Delivered)
    await queues.close()


async def test_events_that_are_too_large_cost_their_own_schools_only(
    connection: Connection, database: str, kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More refused events than the relay reads at once starve nobody, are told by the doctor, and go when they may."""
    monkeypatch.setattr(relay, "MOST_EVENTS", 1)
    monkeypatch.setattr(relay, "RETRY_REFUSED_SECONDS", 0.3)
    monkeypatch.setattr(sender, "REMEMBERED_SECONDS", 0.2)
    topic = await make_topic(kafka, 2, max_message_bytes=str(SMALL))
    await make_register(connection)
    for service in ("RIO", "VVA"):
        await grant(connection, service=service)
    await grant(connection, brin="00AA", service="RIO")  # type: ignore[arg-type]
    await connection.execute("update events set body = $1 where brin = '18DS' and number = 1", LARGE)
    settings = settings_for(database, {"OSR_HUB_KAFKA__BOOTSTRAP_SERVERS": kafka})
    stop = asyncio.Event()
    running = asyncio.create_task(relay.run(settings, stop, topic))
    await until(lambda: _holds(connection, "event_outbox where refused_at is not null", 1))
    await until(lambda: _holds(connection, "published_events where brin = '00AA'", 1))
    assert await count(connection, "published_events") == 1
    (finding,) = await refused_events.check(settings)
    assert not finding.is_well
    assert finding.words.startswith("event 1 of school 18DS is not published, and those after it wait: MessageSize")
    await configure(kafka, topic, max_message_bytes="1000000")
    await until(lambda: _holds(connection, "event_outbox", 0))
    stop.set()
    await running
    rows = await connection.fetch("select number from published_events where brin = '18DS' order by position")
    assert [row["number"] for row in rows] == [1, 2]
    told = [event for event in events_in(await read_topic(kafka, topic)) if event["partitionkey"] == "18DS"]
    first_arrivals = dict.fromkeys(event["sequence"] for event in told)
    assert list(first_arrivals) == sorted(first_arrivals)
