"""Consumers that never pause, and brokers that are replaced when they fail. In: a broker to make. Out: its records.

FastStream sleeps after an empty batch as long as the batch timeout, and after an error for five seconds; a consumer of
aiokafka that failed for good fails for ever. Here `getmany` waits until there are records, and `read_forever` replaces
a broker that cannot start or that failed.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import ConsumerStoppedError, KafkaError
from faststream import FastStream
from faststream.kafka import KafkaBroker

from hub.kafka.reach import find_fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiokafka import ConsumerRecord

POLL_MS: Final = 1000
"""How often a consumer without records looks at its group and its connections; records end the wait at once."""
RETRY_SECONDS: Final = 0.1
START_TIMEOUT_SECONDS: Final = 30.0
"""More than a group takes to notice that a member has died."""
STOP_TIMEOUT_SECONDS: Final = 4.0
RESTART_SECONDS: Final = 2.0
REPORT_SECONDS: Final = 30.0
log = structlog.get_logger(__name__)


class WaitingConsumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka has no types
    """A consumer whose `getmany` waits until there are records, so that FastStream never sees an empty batch.

    A consumer that was stopped raises `ConsumerStoppedError`. An error that waiting does not mend is handed to
    `broken`, whose owner replaces the broker; `getmany` then waits for its end. A member that returned to its group
    under its own name and was given too few partitions joins once more.
    """

    def __init__(  # the options are aiokafka's own
        self,
        *topics: str,
        broken: asyncio.Future[None],
        moved: Callable[[], None],
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*topics, **options)
        self._broken = broken
        self._moved = moved
        self._reported = -REPORT_SECONDS
        self._rejoined_as: str | None = None

    def unassigned(self) -> set[TopicPartition]:
        """Return the partitions of the subscribed topics that this consumer does not read."""
        known = ((topic, self.partitions_for_topic(topic) or ()) for topic in self.subscription())
        existing = {TopicPartition(topic, number) for topic, numbers in known for number in numbers}
        return existing - set(self.assignment())

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = POLL_MS, max_records: int | None = None
    ) -> dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]:
        """Return the next records, however long that takes."""
        while True:
            self._rejoin_when_back()
            try:
                found = await super().getmany(*partitions, timeout_ms=timeout_ms, max_records=max_records)
            except ConsumerStoppedError:
                raise
            except Exception as error:  # noqa: BLE001 - FastStream would sleep, or end in silence
                if not (isinstance(error, KafkaError) and error.retriable):
                    await self._break(error)
                log.info("consumer.interrupted", error=type(error).__name__, next="read again")
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._moved()
                if found:
                    return found  # type: ignore[no-any-return]
                self._report_missing_topics()
                await self._break_when_deaf()

    def _rejoin_when_back(self) -> None:
        """Join once more when this member returned under its own name and was given too few partitions.

        The broker gives such a member what it had before, even the leader of the group, which aiokafka then takes for a
        follower: partitions that came meanwhile would be read by nobody. On the second join the leader assigns anew.
        """
        group = self._coordinator
        if self._group_instance_id is None or group.member_id == self._rejoined_as:
            return
        leads = group._group_subscription is not None  # noqa: SLF001 - there is no other sign
        if leads or self._subscription.reassignment_in_progress:
            return
        if missing := self.unassigned():
            self._rejoined_as = group.member_id
            log.info("consumer.returned", missing=len(missing), next="join the group once more")
            group.request_rejoin()

    def _report_missing_topics(self) -> None:
        missing = [topic for topic in self.subscription() if self.partitions_for_topic(topic) is None]
        if missing and time.monotonic() - self._reported > REPORT_SECONDS:
            self._reported = time.monotonic()
            log.warning("topic.missing", topics=missing, next="osr-hub topics")

    async def _break_when_deaf(self) -> None:
        """Break when a task of aiokafka has ended: it tells nobody, and nothing would be read any more."""
        for task in (self._fetcher.error_future, self._client._sync_task):  # noqa: SLF001 - there is no other sign
            if task is not None and task.done():
                await self._break(RuntimeError("a task of the consumer has ended"))

    async def _break(self, error: Exception) -> None:
        if not self._broken.done():
            self._broken.set_exception(error)
        await asyncio.get_running_loop().create_future()


class WaitingBroker(KafkaBroker):
    """A FastStream broker whose subscribers wait for records without a pause."""

    broken: asyncio.Future[None]
    """Ends with the error that waiting does not mend."""
    moved: Callable[[], None] = staticmethod(lambda: None)
    """Called whenever a read ends."""

    async def start(self) -> None:
        """Connect, and start the subscribers with consumers that wait."""
        self.broken = asyncio.get_running_loop().create_future()
        await self.connect()
        config = self.config.broker_config
        builder: Any = config.builder  # a partial of aiokafka's consumer with the connection's options
        config.builder = partial(WaitingConsumer, **builder.keywords, broken=self.broken, moved=self.moved)
        await super().start()


async def do_nothing() -> None:
    """Leave without a word."""


async def read_forever(
    make: Callable[[], WaitingBroker],
    options: Mapping[str, Any],
    leave: Callable[[], Awaitable[None]] = do_nothing,
    failed: Callable[[object], None] = lambda _: None,
) -> None:
    """Let the subscribers of a broker read; put a new one in its place whenever it cannot start or has failed.

    `leave` is called before a broker that worked is closed, and must end within seconds; `failed` with what failed.
    """
    while True:
        broker = make()
        try:
            async with asyncio.timeout(START_TIMEOUT_SECONDS):
                await FastStream(broker, logger=None).start()
            try:
                await broker.broken
            finally:
                await leave()
        except Exception as error:  # noqa: BLE001 - nothing else starts it again
            topics = [name for subscriber in broker.subscribers for name in subscriber.topic_names]  # type: ignore[attr-defined]
            fault = await find_fault(options, error, topics)
            failed(fault)
            log.warning("consumer.replaced", error=fault, next="retry in 2 s")
        finally:
            await close_broker(broker)
        await asyncio.sleep(RESTART_SECONDS)


async def close_broker(broker: KafkaBroker) -> None:
    """Stop a broker; a hung one, which can block a graceful stop for 40 s, is cut off after 4 s."""
    consumers: list[Any] = [subscriber.consumer for subscriber in broker.subscribers]  # type: ignore[attr-defined]
    ending = asyncio.create_task(broker.stop())
    await asyncio.wait({ending}, timeout=STOP_TIMEOUT_SECONDS)
    if ending.done():
        await asyncio.gather(ending, return_exceptions=True)  # what it held is closed with the process at the latest
        return
    log.warning("broker.cut_off", next="uncommitted records are read again")
    for consumer in consumers:
        if consumer is not None:
            await consumer._client.close()  # noqa: SLF001 - closing the client ends the graceful stop
    await asyncio.wait({ending}, timeout=STOP_TIMEOUT_SECONDS)
    ending.cancel()
    await asyncio.gather(ending, return_exceptions=True)
