"""Compare topics with the table. In: a broker's admin client, topics. Out: what differs, in words, and what to do.

Nothing is changed: a topic with other partitions would break the order per school; a person decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from aiokafka.admin import AIOKafkaAdminClient

    from schemas.topics import Topic

MOST_REPLICAS: Final = 3
LARGEST_MESSAGE_BYTES: Final = 1_048_588
"""Kafka's own default for a batch; no message of the hub comes near it."""
EXACT: Final = {"retention.bytes": "-1", "message.timestamp.type": "CreateTime", "compression.type": "producer"}
"""Settings that the table leaves as Kafka has them, and that change what readers get."""


async def find_differences(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> list[str]:
    """Return what differs from the table, of topics that exist; each with what to do."""
    if not topics:
        return []
    brokers = len((await admin.describe_cluster())["brokers"])
    described = {entry["topic"]: entry for entry in await admin.describe_topics([topic.name for topic in topics])}
    configured = await _configurations(admin, topics)
    found: list[str] = []
    for topic in topics:
        if (entry := described.get(topic.name)) and entry["partitions"]:
            found += _other_partitions(topic, len(entry["partitions"]))
            replicas = min(len(part["replicas"]) for part in entry["partitions"])
            found += _other_replicas(topic.name, replicas, min(MOST_REPLICAS, brokers))
            found += _other_settings(topic, configured.get(topic.name, {}), replicas)
    return found


async def _configurations(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics]
    for answer in await admin.describe_configs(asked):
        for code, _message, _kind, name, entries in answer.resources:
            if code:
                raise for_code(code)(name)
            found[name] = {entry[0]: entry[1] for entry in entries}
    return found


def _other_partitions(topic: Topic, found: int) -> Iterator[str]:
    if found != topic.partitions:
        yield (
            f"{topic.name} has {found} partitions, the table says {topic.partitions}: the hub goes by the topic's own "
            "number; a school's order is broken once where it is changed, so change it while nothing waits, or leave it"
        )


def _other_replicas(name: str, found: int, wanted: int) -> Iterator[str]:
    if found < wanted:
        yield f"{name} has {found} replicas, and {wanted} brokers could keep it: kafka-reassign-partitions"


def _other_settings(topic: Topic, found: Mapping[str, Any], replicas: int) -> Iterator[str]:
    for name, wanted in {**topic.configuration(), **EXACT}.items():
        if found.get(name, wanted) != wanted:
            yield _differs(topic.name, name, found[name], f"the table says {wanted}", wanted)
    for name, (is_right, reason, wanted) in _bounds(replicas).items():
        if name in found and not is_right(int(found[name])):
            yield _differs(topic.name, name, found[name], reason, wanted)


def _bounds(replicas: int) -> dict[str, tuple[Callable[[int], bool], str, str]]:
    least = 2 if replicas >= MOST_REPLICAS else 1
    return {
        "max.message.bytes": (
            lambda n: n >= LARGEST_MESSAGE_BYTES,
            "larger messages are set aside",
            str(LARGEST_MESSAGE_BYTES),
        ),
        "min.insync.replicas": (
            lambda n: least <= n <= replicas,
            f"with {replicas} replicas it should be {least}: with fewer a record may be lost, with more none is taken",
            str(least),
        ),
    }


def _differs(topic: str, name: str, found: object, reason: str, wanted: str) -> str:
    change = f"kafka-configs --alter --entity-type topics --entity-name {topic} --add-config {name}={wanted}"
    return f"{topic} has {name}={found}, {reason}: {change}"
