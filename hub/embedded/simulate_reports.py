"""What a simulated LAS did with what it took. In: new messages. Out: reports to the hub, a moment later.

For one delivery in five the school still has a step to do: it is reported `in_progress` first.
"""

from __future__ import annotations

import asyncio
import heapq
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import structlog
from pyreqwest.exceptions import PyreqwestError

from hub.clock import now
from hub.embedded.simulate_hub import HubSaidNo
from hub.embedded.simulate_office import needs_a_step
from schemas.cloudevents import write_time
from schemas.kinds import EventType, ReportStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    Report = Callable[[str, dict[str, object]], Awaitable[None]]

AT_ONCE: Final = 16
STEP_TIMES: Final = 4
AGAIN_SECONDS: Final = 1.0
MOST_TRIES: Final = 30
LOOK_SECONDS: Final = 0.02
REPORTED: Final = frozenset({EventType.GRANTED.value, EventType.AMENDED.value})
SERVICES: Final = frozenset({"VVA"})
log = structlog.get_logger(__name__)


class Reporter:
    """Reports what is due; the hub being away delays it, and loses nothing."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._due: list[tuple[datetime, str, ReportStatus, int]] = []

    def __len__(self) -> int:
        return len(self._due)

    def note(self, event: Mapping[str, Any]) -> None:
        """Take in a new message; a report is due on it when one is expected."""
        if event["type"] not in REPORTED or event["data"].get("serviceCode") not in SERVICES:
            return
        at, message = now(), event["id"]
        soon = at + timedelta(seconds=self._delay)
        if needs_a_step(message):
            self._plan(soon, message, ReportStatus.IN_PROGRESS)
            soon = at + timedelta(seconds=self._delay * STEP_TIMES)
        self._plan(soon, message, ReportStatus.ACTIVATED)

    async def work(self, report: Report) -> None:
        """Report for ever; `report` takes a delivery's id and the report's body."""
        places = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            while True:
                if not self._due or self._due[0][0] > now():
                    await asyncio.sleep(LOOK_SECONDS)
                    continue
                await places.acquire()
                tasks.create_task(self._report(report, places, *heapq.heappop(self._due)))

    async def _report(
        self, report: Report, places: asyncio.Semaphore, due: datetime, message: str, status: ReportStatus, tries: int
    ) -> None:
        try:
            await report(message, {"status": status.value, "reportedAt": write_time(due)})
        except (PyreqwestError, HubSaidNo) as error:
            self._try_again(error, message, status, tries + 1)
        finally:
            places.release()

    def _try_again(self, error: Exception, message: str, status: ReportStatus, tries: int) -> None:
        if tries > MOST_TRIES or (isinstance(error, HubSaidNo) and error.status == HTTPStatus.BAD_REQUEST):
            log.error("las.report_dropped", delivery=message, status=status.value, error=str(error))
            return
        self._plan(now() + timedelta(seconds=AGAIN_SECONDS), message, status, tries)

    def _plan(self, due: datetime, message: str, status: ReportStatus, tries: int = 0) -> None:
        heapq.heappush(self._due, (due, message, status, tries))
