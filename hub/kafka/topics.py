"""Create the topics of the table. In: a broker and topics. Out: what was created, and what differs, in words.

Nothing that exists is changed: a topic with other partitions would break the order per school; a person decides.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from schemas.topics import Topic

MOST_REPLICAS: Final = 3
REQUEST_MS: Final = 10_000
POLL_SECONDS: Final = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class TopicsFound:
    """What a look at a broker brought: topics made just now, and differences that a person must judge, in words."""

    created: tuple[str, ...]
    differences: tuple[str, ...]


async def ensure_topics(
    bootstrap: str, topics: Sequence[Topic], *, options: Mapping[str, Any] | None = None
) -> TopicsFound:
    """Create the topics that are missing, and compare the others' partitions and settings with the table.

    `options` are aiokafka's connection settings (security and so on). Raises aiokafka's `KafkaError` when the broker
    cannot be asked.
    """
    async with _open_admin(bootstrap, options) as admin:
        created = await _create_missing(admin, topics)
        present = [topic for topic in topics if topic.name not in created]
        different = [*await _other_partitions(admin, present), *await _other_settings(admin, present)]
    return TopicsFound(created=created, differences=tuple(different))


async def create_missing(
    bootstrap: str, topics: Sequence[Topic], *, options: Mapping[str, Any] | None = None
) -> tuple[str, ...]:
    """Create the topics that are missing and return their names; one question to the broker when none is."""
    async with _open_admin(bootstrap, options) as admin:
        return await _create_missing(admin, topics)


async def missing_topics(
    bootstrap: str, topics: Sequence[Topic], *, options: Mapping[str, Any] | None = None
) -> tuple[str, ...]:
    """Name the topics that are missing, and change nothing."""
    async with _open_admin(bootstrap, options) as admin:
        existing = set(await admin.list_topics())
    return tuple(topic.name for topic in topics if topic.name not in existing)


@asynccontextmanager
async def _open_admin(bootstrap: str, options: Mapping[str, Any] | None) -> AsyncIterator[AIOKafkaAdminClient]:
    settings = {"request_timeout_ms": REQUEST_MS, **(options or {})}
    admin = AIOKafkaAdminClient(**{**settings, "bootstrap_servers": bootstrap})
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def _create_missing(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> tuple[str, ...]:
    """Create what is missing, and return its names once every partition of it has a leader."""
    existing = set(await admin.list_topics())
    missing = [topic for topic in topics if topic.name not in existing]
    if not missing:
        return ()
    brokers = len((await admin.describe_cluster())["brokers"])
    answer = await admin.create_topics([_new(topic, brokers) for topic in missing])
    for name, code, *_ in answer.topic_errors:
        if code and for_code(code) is not TopicAlreadyExistsError:
            raise for_code(code)(name)
    names = tuple(topic.name for topic in missing)
    async with asyncio.timeout(REQUEST_MS / 1000):
        while not await _are_led(admin, names):  # noqa: ASYNC110 - the broker elects leaders
            await asyncio.sleep(POLL_SECONDS)
    return names


def _new(topic: Topic, brokers: int) -> NewTopic:
    return NewTopic(
        name=topic.name,
        num_partitions=topic.partitions,
        replication_factor=max(1, min(MOST_REPLICAS, brokers)),
        topic_configs=topic.configuration(),
    )


async def _are_led(admin: AIOKafkaAdminClient, names: Sequence[str]) -> bool:
    described = await admin.describe_topics(list(names))
    return all(
        not topic["error_code"] and topic["partitions"] and all(part["leader"] >= 0 for part in topic["partitions"])
        for topic in described
    )


async def _other_partitions(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> list[str]:
    if not topics:
        return []
    described = await admin.describe_topics([topic.name for topic in topics])
    found = {entry["topic"]: len(entry["partitions"]) for entry in described}
    return [
        f"{topic.name} has {found[topic.name]} partitions, the table says {topic.partitions}"
        for topic in topics
        if found.get(topic.name, topic.partitions) != topic.partitions
    ]


async def _other_settings(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> list[str]:
    if not topics:
        return []
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics]
    found: dict[str, dict[str, str]] = {}
    for answer in await admin.describe_configs(asked):
        for _code, _message, _kind, name, entries in answer.resources:
            found[name] = {entry[0]: entry[1] for entry in entries}
    return [
        f"{topic.name} has {key}={found[topic.name].get(key)}, the table says {expected}"
        for topic in topics
        for key, expected in topic.configuration().items()
        if topic.name in found and found[topic.name].get(key) != expected
    ]
