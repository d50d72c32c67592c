"""Watches DUO's broker. In: the ids and ends of its topics, every two seconds. Out: what it lost is sent again.

It runs beside `reports`, which is at DUO's broker all the time and has little to do there: a forwarder must not wait
for such a look, and the relay need not reach DUO's broker at all. One watches, others stand by. A topic that lost
something is looked through again for a while, for what a forwarder noted a moment after the loss.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import structlog
from aiokafka.errors import KafkaError

from hub.clock import now
from hub.kafka.offsets import open_offset_client
from hub.recovery.lost import find_lost_range, resend_lost
from hub.store import lost, watermarks
from hub.store.locks import WATCH, hold_advisory_lock
from hub.store.notifications import notify
from hub.store.pool import DATABASE_ERRORS
from schemas.topics import DUO_REPORTS

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
    """Be the one who watches, again and again; stand by while another is."""
    options = settings.duo_kafka.client_options()
    while True:
        try:
            async with (
                hold_advisory_lock(settings.direct_dsn, WATCH) as c,
                open_offset_client(options) as offset_client,
            ):
                watch = LossWatch(c, process, reports)
                while True:
                    await watch.check(offset_client)
                    await asyncio.sleep(CHECK_SECONDS)
        except Exception as error:  # whatever it is, it looks again: this task has no other
            is_passing = isinstance(error, (KafkaError, *DATABASE_ERRORS))
            log.warning(
                "watch.interrupted",
                error=f"{type(error).__name__}: {error}",
                exc_info=not is_passing,
                next="look again",
            )
            await asyncio.sleep(RETRY_SECONDS)


class LossWatch:
    """Remembers how DUO's topics were, and for a while where they were hurt."""

    def __init__(self, c: Connection, process: Callable[[], int], reports: str) -> None:
        self._c = c
        self._process = process
        self._reports = reports
        self._lost_ranges: dict[str, tuple[LostRange, float]] = {}

    async def check(self, offset_client: OffsetClient) -> list[LossReport]:
        """Look at all topics once; returns what was lost and sent again."""
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
                next=f"the current state of {loss.sent_again} units goes out again",
            )
        return loss

    async def _check_reports_topic(self, topic_offsets: TopicOffsets) -> None:
        """Begin a topic of reports that was made anew at its beginning."""
        mark = await watermarks.read(self._c, self._reports)
        if mark is not None and mark.topic_id != topic_offsets.topic_id:
            await watermarks.delete_read_offsets(self._c, self._reports)
        if mark is None or mark != watermarks.Watermark.of(topic_offsets):
            await watermarks.write(self._c, self._reports, topic_offsets, now())
