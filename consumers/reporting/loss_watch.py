"""Watch DUO's broker for lost records. In: the ids and offsets of its topics, every two seconds. Out: resent messages.

Next: consumers.forwarding. The watch runs beside the reader of reports, which is connected to DUO's broker all the time
and has little to do: a forwarder must not wait for such a check, and the relay need not reach DUO's broker. One process
watches, the others stand by. A topic that lost records is checked again for a while, for messages whose offset a
forwarder stored a moment after the loss.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import structlog
from aiokafka.errors import KafkaError

from hub.clock import now
from hub.kafka.offsets import open_offset_client
from hub.kafka.reach import find_fault
from hub.kafka.topics import report_differences
from hub.processes import loops
from hub.recovery.lost import find_lost_range, resend_lost
from hub.store import lost, watermarks
from hub.store.locks import WATCH, hold_advisory_lock
from hub.store.notifications import notify
from hub.store.pool import DATABASE_ERRORS
from schemas.topics import DUO_REPORTS, Broker, topics_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.kafka.offsets import OffsetClient, TopicOffsets
    from hub.recovery.lost import LossReport, LostRange
    from hub.settings import Settings
    from hub.store.lost import Queue
    from hub.store.pool import Connection

CHECK_SECONDS: Final = 2.0
RETRY_SECONDS: Final = 1.0
RECHECK_SECONDS: Final = 15.0
log = structlog.get_logger(__name__)


async def watch_forever(settings: Settings, process: Callable[[], int], reports: str = DUO_REPORTS.name) -> None:
    """Watch while no other process does; start over after any error."""
    options = settings.duo_kafka.client_options()
    while True:
        try:
            async with (
                hold_advisory_lock(settings.direct_dsn, WATCH, lambda: loops.moved("reports.watch")) as c,
                open_offset_client(options) as offset_client,
            ):
                await report_differences(options, topics_on(Broker.DUO))
                watch = LossWatch(c, process, reports)
                while True:
                    await watch.check(offset_client)
                    loops.moved("reports.watch")
                    await asyncio.sleep(CHECK_SECONDS)
        except Exception as error:  # nothing starts this task again
            loops.failed("reports.watch", error)
            is_passing = isinstance(error, (KafkaError, *DATABASE_ERRORS))
            log.warning(
                "watch.interrupted",
                error=await find_fault(options, error) if isinstance(error, KafkaError) else repr(error),
                exc_info=not is_passing,
                next="retry in 1 s",
            )
            await asyncio.sleep(RETRY_SECONDS)


class LossWatch:
    """Compares DUO's topics with how they were last seen, and remembers lost ranges for a while."""

    def __init__(self, c: Connection, process: Callable[[], int], reports: str) -> None:
        self._c = c
        self._process = process
        self._reports = reports
        self._lost_ranges: dict[str, tuple[LostRange, float]] = {}

    async def check(self, offset_client: OffsetClient) -> list[LossReport]:
        """Check all topics once; return what was lost and sent again."""
        queues = await lost.queues(self._c)
        there = await offset_client.read_topic_offsets([self._reports, *(queue.topic for queue in queues)])
        found = [
            await self._check_queue(queue, there[queue.topic], offset_client)
            for queue in queues
            if queue.topic in there
        ]
        if self._reports in there:
            await self._check_reports_topic(there[self._reports])
        return [loss for loss in found if loss is not None]

    async def _check_queue(
        self, queue: Queue, topic_offsets: TopicOffsets, offset_client: OffsetClient
    ) -> LossReport | None:
        mark = await watermarks.read(self._c, queue.topic)
        if lost_range := find_lost_range(mark, topic_offsets):
            self._lost_ranges[queue.topic] = lost_range, time.monotonic() + RECHECK_SECONDS
        loss = await self._resend(queue, offset_client)
        if mark is None or mark != watermarks.Watermark.of(topic_offsets):
            await watermarks.write(self._c, queue.topic, topic_offsets, now())
        return loss

    async def _resend(self, queue: Queue, offset_client: OffsetClient) -> LossReport | None:
        if queue.topic not in self._lost_ranges:
            return None
        lost_range, until = self._lost_ranges[queue.topic]
        if time.monotonic() > until:
            del self._lost_ranges[queue.topic]
            return None
        loss = await resend_lost(self._c, offset_client, queue, lost_range, now=now(), process=self._process())
        if loss is not None:
            await notify(self._c, "lanes")
            log.error(
                "queue.lost",
                destination=queue.name,
                topic=queue.topic,
                why=loss.words,
                messages=loss.messages,
                units=loss.sent_again,
                next="current state sent again",
            )
        return loss

    async def _check_reports_topic(self, topic_offsets: TopicOffsets) -> None:
        """Forget how far a topic of reports was read when it was recreated."""
        mark = await watermarks.read(self._c, self._reports)
        if mark is not None and mark.topic_id != topic_offsets.topic_id:
            await watermarks.delete_read_offsets(self._c, self._reports)
        if mark is None or mark != watermarks.Watermark.of(topic_offsets):
            await watermarks.write(self._c, self._reports, topic_offsets, now())
