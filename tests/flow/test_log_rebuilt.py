"""A log that was wiped or recreated is published again from the database, at the same positions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaProducer

from hub.kafka.batches import partition_of
from schemas.cloudevents import KAFKA_HEADERS
from schemas.topics import MANDATES, PARTITIONS
from tests.support.lanes.forwarding import until
from tests.support.receivers.recording_receivers import events_in, first_arrivals, read_whole
from tests.support.register.small_register import RIO
from tests.support.servers import topics as made
from tests.support.servers.hubs import LOG, HubUnderTest, create_hub, make_all_changes, set_end_date

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from aiokafka import ConsumerRecord


@pytest.fixture
async def hub(database: str, kafka: str, topics: Mapping[str, str]) -> AsyncIterator[HubUnderTest]:
    """A hub whose log holds a day of changes."""
    hub = await create_hub(database, kafka, topics)
    await make_all_changes(hub)
    await hub.publish()
    yield hub
    await hub.c.close()


async def whole(hub: HubUnderTest) -> list[ConsumerRecord[Any, Any]]:
    """Read all of the log."""
    return await read_whole(hub.kafka, hub.topics[LOG])


def by_place(records: Sequence[ConsumerRecord[Any, Any]]) -> list[Any]:
    """Put first arrivals in the order of the log as a whole; those of a school must lie in their own order."""
    events = list(first_arrivals(events_in(records)))
    numbers: dict[str, list[str]] = {}
    for event in events:
        numbers.setdefault(event["partitionkey"], []).append(event["sequence"])
    assert all(each == sorted(each) for each in numbers.values())
    return sorted(events, key=lambda event: event["position"])


async def make_anew(hub: HubUnderTest, records: Sequence[ConsumerRecord[Any, Any]] = ()) -> None:
    """Delete the log's topic and make it again, with no more than these records on it."""
    await made.recreate_topics(hub.kafka, [replace(MANDATES, name=hub.topics[LOG])])
    async with AIOKafkaProducer(bootstrap_servers=hub.kafka) as producer:
        for record in records:
            part = partition_of(record.key.decode(), PARTITIONS)
            await producer.send_and_wait(
                hub.topics[LOG], record.value, key=record.key, partition=part, headers=list(KAFKA_HEADERS)
            )


@pytest.mark.parametrize("kept", [0, 3])
async def test_a_topic_that_was_made_anew_is_filled_again(hub: HubUnderTest, kept: int) -> None:
    """A recreated topic is filled without doubles, also after a kill; new events follow."""
    before = await whole(hub)
    await make_anew(hub, before[:kept])
    await set_end_date(hub.c, "00ZZ", RIO)
    await hub.publish()
    after = await whole(hub)
    assert by_place(after)[:-1] == by_place(before)
    assert len(after) == len(before) + 1
    assert [row["position"] for row in await hub.c.fetch("select position from published_events order by 1")] == list(
        range(1, len(after) + 1)
    )


async def test_a_relay_at_work_notices_that_its_topic_was_made_anew(hub: HubUnderTest) -> None:
    """A running relay notices a recreated topic within seconds."""
    before = await whole(hub)
    async with hub.running(hub.relay):
        await make_anew(hub)

        async def is_back() -> bool:
            return len(await whole(hub)) >= len(before)

        await until(is_back, 60)
    assert by_place(await whole(hub)) == by_place(before)
