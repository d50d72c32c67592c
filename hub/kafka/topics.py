"""Create the topics of the table. In: a broker and topics. Out: what was created, and what differs, in words.

Nothing that exists is changed: a topic with other partitions would break the order per school; a person decides.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from hub.kafka.differences import MOST_REPLICAS, find_differences

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from schemas.topics import Topic

REQUEST_MS: Final = 10_000
POLL_SECONDS: Final = 0.02
log = structlog.get_logger(__name__)
CREATES: Final = "auto.create.topics.enable"


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
        different = await find_differences(admin, [topic for topic in topics if topic.name not in created])
    return TopicsFound(created=created, differences=tuple(different))


async def create_missing(
    bootstrap: str, topics: Sequence[Topic], *, options: Mapping[str, Any] | None = None
) -> tuple[str, ...]:
    """Create the topics that are missing and return their names; one question to the broker when none is."""
    async with _open_admin(bootstrap, options) as admin:
        return await _create_missing(admin, topics)


async def compare_topics(options: Mapping[str, Any], topics: Sequence[Topic]) -> tuple[str, ...]:
    """Return what is missing or differs, in words; nothing is changed. Raises aiokafka's `KafkaError`."""
    async with _open_admin(",".join(options["bootstrap_servers"]), options) as admin:
        existing = set(await admin.list_topics())
        missing = [topic.name for topic in topics if topic.name not in existing]
        different = await find_differences(admin, [topic for topic in topics if topic.name in existing])
    return (*(f"{name} does not exist: run `osr-hub topics`" for name in missing), *different)


async def report_differences(options: Mapping[str, Any], topics: Sequence[Topic]) -> None:
    """Log what is missing or differs; a broker that does not answer is left to those who work with it."""
    try:
        found = await compare_topics(options, topics)
    except (KafkaError, OSError, TimeoutError):
        return
    for difference in found:
        log.warning("topics.differ", difference=difference, next="osr-hub topics, or as it says")


async def creates_topics(options: Mapping[str, Any]) -> bool:
    """Return whether the broker creates topics that clients ask about; not when it may not be asked."""
    async with _open_admin(",".join(options["bootstrap_servers"]), options) as admin:
        node = (await admin.describe_cluster())["brokers"][0]["node_id"]
        asked = ConfigResource(ConfigResourceType.BROKER, str(node), {CREATES: None})
        answers = await admin.describe_configs([asked])
    return any(
        (entry[0], entry[1]) == (CREATES, "true")
        for answer in answers
        for _code, _message, _kind, _name, entries in answer.resources
        for entry in entries
    )


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
        topic_configs={**topic.configuration(), **({"min.insync.replicas": "2"} if brokers >= MOST_REPLICAS else {})},
    )


async def _are_led(admin: AIOKafkaAdminClient, names: Sequence[str]) -> bool:
    described = await admin.describe_topics(list(names))
    return all(
        not topic["error_code"] and topic["partitions"] and all(part["leader"] >= 0 for part in topic["partitions"])
        for topic in described
    )
