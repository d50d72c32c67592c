"""FastStream brokers as the hub uses them: explicit commits, nothing created by accident, and no pause while waiting.

In: aiokafka's connection options, a topic, and the handler of its batches. Out: a broker whose subscriber hands over
batches of records as they are, and `commit`, which the handler's owner calls after its own transaction.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from hub.kafka.consumer import POLL_MS, WaitingBroker
from schemas.application import describe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from aiokafka import ConsumerRecord
    from faststream.kafka import KafkaBroker, KafkaMessage
    from faststream.kafka.subscriber.usecase import BatchSubscriber

    from schemas.topics import Topic

    Decode = Callable[[KafkaMessage], Awaitable[Any]]
    Parse = Callable[[Sequence[ConsumerRecord[bytes, bytes]]], Awaitable[KafkaMessage]]

COMMIT_TIMEOUT_SECONDS: Final = 3.0
"""aiokafka itself retries for ever."""
log = structlog.get_logger(__name__)
_SASL = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


class Positioned(Protocol):
    """Something that was read from a topic."""

    @property
    def topic(self) -> str:
        """The topic."""

    @property
    def partition(self) -> int:
        """The partition."""

    @property
    def offset(self) -> int:
        """The offset."""


def make_broker(options: Mapping[str, Any], moved: Callable[[], None] | None = None) -> WaitingBroker:
    """Make a broker from aiokafka's own connection options; `moved` is called whenever a read ends."""
    broker = WaitingBroker(
        options["bootstrap_servers"],
        security=_security(options),
        metadata_max_age_ms=options.get("metadata_max_age_ms", 3000),
        consumer_only=True,
        allow_auto_create_topics=False,
        ack_policy=AckPolicy.MANUAL,
        apply_types=False,  # its injection of arguments runs in a thread of a pool: a detour of a millisecond per batch
        serializer=None,
        logger=logging.getLogger("faststream"),
        log_level=logging.DEBUG,
        graceful_timeout=5,
    )
    if moved is not None:
        broker.moved = moved
    return broker


class Batch:
    """Records as they came, what the decoder read from them, and the consumer that has them."""

    def __init__(self, content: Any, message: KafkaMessage) -> None:  # noqa: ANN401 - the decoder's own
        self.content = content
        self.records: Sequence[ConsumerRecord[bytes, bytes]] = message.raw_message
        self.consumer: Any = message.consumer


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a group reads batches; `instance` makes the group wait for this process when it restarts."""

    group: str
    instance: str | None
    most_records: int


def batch_subscriber(
    broker: KafkaBroker, topic: str, reading: Reading, decoder: Decode, described: Topic | None = None
) -> BatchSubscriber:
    """Return a subscriber to batches of a topic, for a handler of a `Batch`; `described` puts it into the document.

    Where it differs from FastStream's habit: batches, because a transaction per record costs ten times as much;
    explicit commits, because its own commit positions that were not handled; a decoder of our own, because one record
    that its JSON decoder cannot read costs the whole batch.
    """

    async def read(message: KafkaMessage) -> Batch:
        return Batch(await decoder(message), message)

    texts = describe(described) if described else {"title": None, "description": None}
    return broker.subscriber(
        topic,
        group_id=reading.group,
        group_instance_id=reading.instance and f"{reading.group}.{reading.instance}",
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        batch=True,
        max_records=reading.most_records,
        batch_timeout_ms=POLL_MS,
        ack_policy=AckPolicy.MANUAL,
        parser=parse_without_headers,
        decoder=read,
        no_reply=True,
        title=texts["title"],
        description=texts["description"],
        include_in_schema=described is not None,
    )


async def parse_without_headers(records: Sequence[ConsumerRecord[bytes, bytes]], parse: Parse) -> KafkaMessage:
    """Parse a batch without the headers of its records: FastStream reads those as UTF-8, and others write them."""
    message = await parse((replace(records[0], headers=()),))
    message.raw_message = tuple(records)
    message.body = [record.value or b"" for record in records]
    return message


def offsets_after(records: Iterable[Positioned]) -> dict[TopicPartition, int]:
    """Return the offset after the last of these records, per partition."""
    offsets: dict[TopicPartition, int] = {}
    for record in records:
        partition = TopicPartition(record.topic, record.partition)
        offsets[partition] = max(record.offset + 1, offsets.get(partition, 0))
    return offsets


async def commit(consumer: Any, offsets: Mapping[TopicPartition, int]) -> None:  # noqa: ANN401 - FastStream's own
    """Commit offsets, unless the broker takes too long; what is not committed is read again without effect."""
    try:
        async with asyncio.timeout(COMMIT_TIMEOUT_SECONDS):
            await consumer.commit(dict(offsets))
    except (KafkaError, TimeoutError) as error:
        log.info("commit.skipped", error=type(error).__name__, next="read again without effect")


def _security(options: Mapping[str, Any]) -> BaseSecurity | None:
    protocol = options.get("security_protocol", "PLAINTEXT")
    context, encrypts = options.get("ssl_context"), protocol.endswith("SSL")
    if protocol.startswith("SASL"):
        return _SASL[options["sasl_mechanism"]](
            options["sasl_plain_username"], options["sasl_plain_password"], ssl_context=context, use_ssl=encrypts
        )
    return BaseSecurity(ssl_context=context, use_ssl=True) if encrypts else None
