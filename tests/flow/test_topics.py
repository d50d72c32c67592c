"""The topics on a broker against the published table."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from hub.kafka.topics import compare_topics, ensure_topics
from schemas.topics import DELIVERIES, MANDATES
from tests.support.lanes.forwarding import until

if TYPE_CHECKING:
    from collections.abc import Awaitable


async def test_missing_topics_are_made_and_differences_are_said(kafka: str) -> None:
    """Missing topics are created, existing ones left alone, and differences reported."""
    mark = uuid.uuid4().hex
    mandates, deliveries = (replace(topic, name=f"{topic.name}.{mark}") for topic in (MANDATES, DELIVERIES))
    made = await ensure_topics(kafka, [mandates])
    again = await ensure_topics(kafka, [mandates, deliveries])
    assert (made.created, made.differences) == ((mandates.name,), ())
    assert (again.created, again.differences) == ((deliveries.name,), ())
    changed = await ensure_topics(kafka, [replace(mandates, partitions=6, retention_ms=1000), deliveries])
    assert changed.created == ()
    assert [difference.partition(": ")[0] for difference in changed.differences] == [
        f"{mandates.name} has 12 partitions, the table says 6",
        f"{mandates.name} has retention.ms=-1, the table says 1000",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cleanup.policy", "compact,delete"),
        ("retention.ms", "604800000"),
        ("retention.bytes", "1000000"),
        ("min.insync.replicas", "2"),
        ("max.message.bytes", "50000"),
        ("message.timestamp.type", "LogAppendTime"),
        ("compression.type", "zstd"),
    ],
)
async def test_each_setting_that_differs_is_named(kafka: str, name: str, value: str) -> None:
    """A topic that others made with one other setting differs in that one, and the words say how to change it."""
    topic = replace(DELIVERIES, name=f"{DELIVERIES.name}.{uuid.uuid4().hex}")
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    made = NewTopic(topic.name, topic.partitions, 1, topic_configs={**topic.configuration(), name: value})
    await admin.create_topics([made])
    await admin.close()

    async def find() -> tuple[str, ...]:
        return await compare_topics({"bootstrap_servers": [kafka]}, [topic])

    await until(lambda: _holds(find()))
    (difference,) = await find()
    assert difference.startswith(f"{topic.name} has {name}={value}, ")
    assert f"--entity-name {topic.name} --add-config {name}=" in difference


async def _holds(asked: Awaitable[tuple[str, ...]]) -> bool:
    return not any("does not exist" in words for words in await asked)
