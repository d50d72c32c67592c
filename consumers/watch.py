"""Watches DUO's broker. In: the ids and ends of its topics, every two seconds. Out: what it lost is sent again.

It runs beside `reports`, which is at DUO's broker all the time and has little to do there: a forwarder must not wait
for such a look, and the relay need not reach DUO's broker at all. One watches, others stand by. A topic that lost
something is looked through again for a while, for what a forwarder noted a moment after the loss.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog
from aiokafka.errors import KafkaError

from hub.clock import now
from hub.extents import asking
from hub.recovery.lost import send_again, wound
from hub.store import lost, marks
from hub.store.locks import WATCH, only_one
from hub.store.wake import ring
from schemas.topics import DUO_REPORTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.extents import Asker, Extent
    from hub.recovery.lost import Loss, Wound
    from hub.settings import Settings
    from hub.store.lost import Queue
    from hub.store.pool import Connection

LOOK_SECONDS: Final = 2.0
AGAIN_SECONDS: Final = 1.0
HURTS_SECONDS: Final = 15.0
log = structlog.get_logger(__name__)


async def watch_for_ever(settings: Settings, process: Callable[[], int], reports: str = DUO_REPORTS.name) -> None:
    """Be the one who watches, again and again; stand by while another is."""
    options = settings.duo_kafka.client_options()
    while True:
        try:
            async with only_one(settings.direct_dsn, WATCH) as c, asking(options) as asker:
                watch = Watch(c, process, reports)
                while True:
                    await watch.look(asker)
                    await asyncio.sleep(LOOK_SECONDS)
        except (KafkaError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("watch.interrupted", error=f"{type(error).__name__}: {error}", next="looking again")
            await asyncio.sleep(AGAIN_SECONDS)


class Watch:
    """Remembers how DUO's topics were, and for a while where they were hurt."""

    def __init__(self, c: Connection, process: Callable[[], int], reports: str) -> None:
        self._c = c
        self._process = process
        self._reports = reports
        self._hurt: dict[str, tuple[Wound, float]] = {}

    async def look(self, asker: Asker) -> list[Loss]:
        """Look at all topics once; returns what was lost and sent again."""
        queues = await lost.queues(self._c)
        there = await asker.extents([self._reports, *(queue.topic for queue in queues)])
        found = [await self._look_at(queue, there[queue.topic], asker) for queue in queues if queue.topic in there]
        if self._reports in there:
            await self._look_at_reports(there[self._reports])
        return [loss for loss in found if loss is not None]

    async def _look_at(self, queue: Queue, extent: Extent, asker: Asker) -> Loss | None:
        mark = await marks.read(self._c, queue.topic)
        if hurt := wound(mark, extent):
            self._hurt[queue.topic] = hurt, time.monotonic() + HURTS_SECONDS
        loss = await self._mend(queue, asker)
        if mark is None or mark != marks.Mark.of(extent):
            await marks.write(self._c, queue.topic, extent, now())
        return loss

    async def _mend(self, queue: Queue, asker: Asker) -> Loss | None:
        if queue.topic not in self._hurt:
            return None
        hurt, until = self._hurt[queue.topic]
        if time.monotonic() > until:
            del self._hurt[queue.topic]
            return None
        loss = await send_again(self._c, asker, queue, hurt, now=now(), process=self._process())
        if loss is not None:
            await ring(self._c, "lanes")
            log.error(
                "queue.lost",
                destination=queue.name,
                topic=queue.topic,
                why=loss.words,
                messages=loss.messages,
                next=f"the current state of {loss.sent_again} units goes out again",
            )
        return loss

    async def _look_at_reports(self, extent: Extent) -> None:
        """Begin a topic of reports that was made anew at its beginning."""
        mark = await marks.read(self._c, self._reports)
        if mark is not None and mark.topic_id != extent.topic_id:
            await marks.forget_read(self._c, self._reports)
        if mark is None or mark != marks.Mark.of(extent):
            await marks.write(self._c, self._reports, extent, now())
