"""Reports of a simulated LAS. In: new messages. Out: reports to the hub, a moment later.

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
from hub.simulators.back_office import needs_school_action
from hub.simulators.hub import HubApiError
from hub.simulators.mailbox import DuoServices
from schemas.cloudevents import write_time
from schemas.kinds import EventType, ReportStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    Report = Callable[[str, dict[str, object]], Awaitable[None]]

CONCURRENT_REPORTS: Final = 16
STEP_TIMES: Final = 4
RETRY_SECONDS: Final = 1.0
MAX_ATTEMPTS: Final = 30
LOOK_SECONDS: Final = 0.02
REPORTED: Final = frozenset({EventType.GRANTED.value, EventType.AMENDED.value})
log = structlog.get_logger(__name__)


class Reporter:
    """Sends reports when they are due, and again while the hub does not answer."""

    def __init__(self, delay: float) -> None:
        self.duo_services = DuoServices()
        self._delay = delay
        self._due: list[tuple[datetime, str, ReportStatus, datetime, int]] = []

    def __len__(self) -> int:
        return len(self._due)

    def add_message(self, event: Mapping[str, Any]) -> None:
        """Add a new message, and schedule its reports when the hub expects one."""
        if event["type"] not in REPORTED or self.duo_services.has_copied(event):
            return
        self.schedule(event["id"])

    def schedule(self, message: str) -> None:
        """Schedule the reports on a message."""
        at = now()
        soon = at + timedelta(seconds=self._delay)
        if needs_school_action(message):
            self._schedule_report(soon, message, ReportStatus.IN_PROGRESS)
            soon = at + timedelta(seconds=self._delay * STEP_TIMES)
        self._schedule_report(soon, message, ReportStatus.ACTIVATED)

    async def work(self, report: Report) -> None:
        """Report until cancelled; `report` takes a delivery's id and the report's body."""
        permits = asyncio.Semaphore(CONCURRENT_REPORTS)
        async with asyncio.TaskGroup() as tasks:
            while True:
                if not self._due or self._due[0][0] > now():
                    await asyncio.sleep(LOOK_SECONDS)
                    continue
                await permits.acquire()
                tasks.create_task(self._report(report, permits, *heapq.heappop(self._due)[1:]))

    async def _report(
        self,
        report: Report,
        permits: asyncio.Semaphore,
        message: str,
        status: ReportStatus,
        moment: datetime,
        tries: int,
    ) -> None:
        """Report once; a later attempt keeps the moment of the first, so that it overtakes no newer report."""
        try:
            await report(message, {"status": status.value, "reportedAt": write_time(moment)})
        except (PyreqwestError, HubApiError) as error:
            if tries < MAX_ATTEMPTS and not _is_permanent(error):
                again = now() + timedelta(seconds=RETRY_SECONDS)
                heapq.heappush(self._due, (again, message, status, moment, tries + 1))
                return
            log.warning("las.report_dropped", delivery=message, status=status.value, error=str(error))
        finally:
            permits.release()

    def _schedule_report(self, moment: datetime, message: str, status: ReportStatus) -> None:
        heapq.heappush(self._due, (moment, message, status, moment, 0))


def _is_permanent(error: Exception) -> bool:
    return isinstance(error, HubApiError) and error.status == HTTPStatus.BAD_REQUEST
