"""A Kafka as others run it: with passwords, rights, and topics for whoever asks. Out: it, and what is done to it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.admin import CreateAclsRequest
from aiokafka.protocol.metadata import MetadataRequest
from faststream.kafka import KafkaMessage  # noqa: TC002 - FastStream reads the annotation

from hub.kafka.broker import Batch, Reading, batch_subscriber, make_broker
from hub.kafka.consumer import read_forever

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from hub.embedded.kafka import EmbeddedKafka
    from hub.kafka.consumer import WaitingBroker

GUEST: Final = {
    "security_protocol": "SASL_PLAINTEXT",
    "sasl_mechanism": "PLAIN",
    "sasl_plain_username": "guest",
    "sasl_plain_password": "guest-password",
}
SETTINGS: Final = {
    "auto.create.topics.enable": "true",
    "num.partitions": "1",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:osr-hub",
    "listener.name.clients.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
    "listener.name.clients.plain.sasl.jaas.config": "org.apache.kafka.common.security.plain.PlainLoginModule required "
    'user_guest="guest-password";',
}
TOPIC, GROUP, READ, DESCRIBE_CONFIGS, ALLOW, LITERAL = 2, 3, 3, 10, 3, 3
"""Numbers of Kafka's protocol: two kinds of resources, two operations, and what is said of them."""


def options_of(server: EmbeddedKafka, more: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return connection options of a client that looks at its topics often."""
    return {
        "bootstrap_servers": [server.bootstrap],
        "metadata_max_age_ms": 100,
        **(server.client_options() if more is None else more),
    }


async def names(server: EmbeddedKafka) -> set[str]:
    """Return the topics that exist."""
    admin = AIOKafkaAdminClient(**options_of(server))
    await admin.start()
    try:
        return {name for name in await admin.list_topics() if not name.startswith("__")}
    finally:
        await admin.close()


def reader_of(options: Mapping[str, Any], topic: str, heard: list[Any]) -> WaitingBroker:
    """Make a broker whose subscriber keeps the records that it reads."""

    async def as_they_are(message: KafkaMessage) -> Any:
        return message.raw_message

    async def take(batch: Batch) -> None:
        heard.extend(batch.records)

    made = make_broker(options)
    batch_subscriber(made, topic, Reading(group="who-reads", instance=None, most_records=10), as_they_are)(take)
    return made


@asynccontextmanager
async def reading(options: Mapping[str, Any], topic: str) -> AsyncIterator[list[Any]]:
    """Read a topic, as long as the block lasts; give what was read."""
    heard: list[Any] = []
    task = asyncio.create_task(read_forever(lambda: reader_of(options, topic, heard), options))
    yield heard
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def ask_as_everybody_does(server: EmbeddedKafka, topic: str) -> None:
    """Ask for a topic with a request that lets the broker create it."""
    client = AIOKafkaClient(**options_of(server))
    await client.bootstrap()
    await client.send(client.get_random_node(), MetadataRequest([topic]))
    await client.close()


async def write_records(server: EmbeddedKafka, topic: str, values: Sequence[bytes]) -> None:
    """Write records to one partition, each in a batch of its own."""
    async with AIOKafkaProducer(**options_of(server)) as producer:
        for value in values:
            await producer.send_and_wait(topic, value, partition=0)


async def allow(server: EmbeddedKafka, kind: int, name: str, operation: int = READ) -> None:
    """Let the guest read from a topic or in a group, or do something else to it."""
    client = AIOKafkaClient(**options_of(server))
    await client.bootstrap()
    request = CreateAclsRequest(kind, name, LITERAL, "User:guest", "*", operation, ALLOW)
    await client.send(client.get_random_node(), request)
    await client.close()
