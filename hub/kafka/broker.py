"""FastStream brokers as the hub uses them: explicit commits, nothing created by accident, and no pause while waiting.

In: aiokafka's connection options, a topic, and the handler of its batches. Out: a broker whose subscriber hands over
batches of records as they are, and `commit`, which the handler's owner calls after its own transaction.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from aiokafka import ConsumerRecord

    Parse = Callable[[Sequence[ConsumerRecord[bytes, bytes]]], Awaitable[KafkaMessage]]
    Take = Callable[[Any, Sequence[ConsumerRecord[bytes, bytes]]], Awaitable[None]]

POLL_MS: Final = 1000
"""How often a consumer without records looks at its group and its connections; records end the wait at once."""
RETRY_SECONDS: Final = 0.1
COMMIT_TIMEOUT_SECONDS: Final = 3.0
"""A broker that hangs is not waited for longer: aiokafka itself would ask it for ever."""
STOP_TIMEOUT_SECONDS: Final = 4.0
log = structlog.get_logger(__name__)
_SASL = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


class WaitingConsumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka tells no types
    """A consumer whose `getmany` waits until there are records, so that FastStream never sees an empty batch.

    After an empty batch FastStream sleeps as long as the batch timeout, and after an error for five seconds; what is
    written meanwhile would be read that much later. A consumer that was stopped raises `ConsumerStoppedError`.
    """

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = POLL_MS, max_records: int | None = None
    ) -> dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]:
        """Return the next records, however long that takes; raise aiokafka's errors that waiting does not mend."""
        while True:
            try:
                found = await super().getmany(*partitions, timeout_ms=timeout_ms, max_records=max_records)
            except KafkaError as error:
                if not error.retriable:
                    raise
                log.info("consumer.interrupted", error=type(error).__name__, next="read again")
                await asyncio.sleep(RETRY_SECONDS)
            else:
                if found:
                    return found  # type: ignore[no-any-return]


class WaitingBroker(KafkaBroker):
    """A FastStream broker whose subscribers wait for records without a pause."""

    async def start(self) -> None:
        """Connect, and start the subscribers with consumers that wait."""
        await self.connect()
        config = self.config.broker_config
        builder: Any = config.builder  # a partial of aiokafka's consumer with the connection's options
        config.builder = partial(WaitingConsumer, **builder.keywords)
        await super().start()


def make_broker(options: Mapping[str, Any]) -> KafkaBroker:
    """Make a broker from aiokafka's own connection options."""
    return WaitingBroker(
        options["bootstrap_servers"],
        security=_security(options),
        metadata_max_age_ms=options.get("metadata_max_age_ms", 3000),
        consumer_only=True,
        allow_auto_create_topics=False,
        ack_policy=AckPolicy.MANUAL,
        logger=logging.getLogger("faststream"),
        log_level=logging.DEBUG,
        graceful_timeout=5,
    )


def subscribe_to_batches(
    broker: KafkaBroker, topic: str, group: str, instance: str | None, most: int, take: Take
) -> None:
    """Let `take` have the batches of a topic, undecoded; `instance` lets its place in the group wait for a restart."""

    async def leave_closed(_message: object) -> list[object]:
        return []

    async def take_as_it_lies(records: Sequence[ConsumerRecord[bytes, bytes]], parse: Parse) -> KafkaMessage:
        # FastStream reads headers as UTF-8 and obeys `reply_to`: one stranger's record would cost the whole batch, or
        # have us write where he likes. So it sees the first record only, without headers.
        message = await parse((replace(records[0], headers=()),))
        message.raw_message = tuple(records)
        return message

    @broker.subscriber(
        topic,
        group_id=group,
        group_instance_id=instance and f"{group}.{instance}",
        auto_offset_reset="earliest",
        batch=True,
        max_records=most,
        batch_timeout_ms=POLL_MS,
        ack_policy=AckPolicy.MANUAL,
        parser=take_as_it_lies,
        decoder=leave_closed,
        no_reply=True,
    )
    async def on_batch(_records: list[Any], message: KafkaMessage) -> None:
        await take(message.consumer, message.raw_message)


def offsets_after(records: Sequence[ConsumerRecord[Any, Any]]) -> dict[TopicPartition, int]:
    """Say exactly which offsets were handled, per partition."""
    offsets: dict[TopicPartition, int] = {}
    for record in records:
        place = TopicPartition(record.topic, record.partition)
        offsets[place] = max(record.offset + 1, offsets.get(place, 0))
    return offsets


async def commit(consumer: Any, offsets: Mapping[TopicPartition, int]) -> None:  # noqa: ANN401 - FastStream's own
    """Commit offsets, if the broker takes them soon; what is not committed is read again, and done already."""
    try:
        async with asyncio.timeout(COMMIT_TIMEOUT_SECONDS):
            await consumer.commit(dict(offsets))
    except (KafkaError, TimeoutError) as error:
        log.info("commit.skipped", error=type(error).__name__, next="handled again without effect")


async def close_broker(broker: KafkaBroker) -> None:
    """End a broker, whether it answers or not: one that hangs would hear our good-bye out for forty seconds."""
    consumers: list[Any] = [subscriber.consumer for subscriber in broker.subscribers]  # type: ignore[attr-defined]
    ending = asyncio.create_task(broker.stop())
    await asyncio.wait({ending}, timeout=STOP_TIMEOUT_SECONDS)
    if ending.done():
        await ending
        return
    log.warning("broker.left_silently", next="what is not committed is read again, and done already")
    for consumer in consumers:
        await consumer._client.close()  # noqa: SLF001 - hanging up is what ends the good-bye
    await asyncio.wait({ending}, timeout=STOP_TIMEOUT_SECONDS)
    ending.cancel()
    await asyncio.gather(ending, return_exceptions=True)


def _security(options: Mapping[str, Any]) -> BaseSecurity | None:
    protocol = options.get("security_protocol", "PLAINTEXT")
    context, encrypts = options.get("ssl_context"), protocol.endswith("SSL")
    if protocol.startswith("SASL"):
        return _SASL[options["sasl_mechanism"]](
            options["sasl_plain_username"], options["sasl_plain_password"], ssl_context=context, use_ssl=encrypts
        )
    return BaseSecurity(ssl_context=context, use_ssl=True) if encrypts else None
