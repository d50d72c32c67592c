"""Receives reports over HTTP. In: one report per request. Out: its answer, once it is committed.

Reports that arrive during a commit wait for it and are then written together, in one commit. What was measured of them
is written once a second, and nobody waits for that.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import structlog
from fastapi import Depends, FastAPI, Request
from pydantic import ConfigDict, Field

from hub import settle
from hub.api.state import NotificationsHere, PendingNotifications, app_state
from hub.clock import Clock
from hub.errors import FieldError, InvalidInput, NotFound
from hub.settle import IncomingReport, ReportResult, UnknownDelivery
from hub.settle.records import MAX_CLOCK_SKEW, to_incoming
from hub.store.deliveries import ReportTarget
from hub.store.meters import FLUSH_SECONDS, Meters
from hub.store.objectives import default_objective
from hub.store.pool import DATABASE_ERRORS, Connection, Pool, is_transient
from hub.telemetry.spans import Step, record_here
from hub.views.models import NULL_IS_DEFAULT, RequestModel, example
from schemas.kinds import ReportStatus
from schemas.messages import HIGHEST_VERSION, Report, Signal
from schemas.moments import Moment as ReportedAt

PROCESS: Final = 0
MAX_BATCH: Final = 200
MAX_SIGNALS: Final = 100
BatchAnswer = list[ReportResult] | UnknownDelivery
Batch = list[tuple[IncomingReport, asyncio.Future[BatchAnswer]]]
log = structlog.get_logger(__name__)


class ReportRequest(RequestModel):
    """What a receiver did with a delivery; ids that it names must be that delivery's own."""

    model_config = ConfigDict(
        extra="ignore",
        **example(
            status="processed_with_signal",
            signals=[{"kind": "Melding", "code": "M1", "text": "de vestiging is nieuw"}],
            reportedAt="2026-11-23T10:00:00Z",
        ),
    )

    delivery_id: UUID | None = None
    mandate_id: UUID | None = None
    mandate_version: Annotated[int, Field(ge=1, le=HIGHEST_VERSION)] | None = None
    status: ReportStatus
    signals: Annotated[tuple[Signal, ...], Field(max_length=MAX_SIGNALS), NULL_IS_DEFAULT] = ()
    reported_at: ReportedAt


@dataclass(slots=True)
class ReportBatcher:
    """Collects reports of concurrent requests into one transaction; one per application."""

    pool: Pool
    clock: Clock
    meters: Meters = field(default_factory=Meters)
    _waiting: Batch = field(default_factory=list)
    _writing: asyncio.Task[None] | None = None
    _flushing: asyncio.Task[None] | None = None

    async def apply(self, report: IncomingReport) -> BatchAnswer:
        """Apply a report together with other waiting ones, and return its result."""
        answer: asyncio.Future[BatchAnswer] = asyncio.get_running_loop().create_future()
        self._waiting.append((report, answer))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return await answer

    async def apply_in(self, c: Connection, reports: list[IncomingReport]) -> list[BatchAnswer]:
        """Apply reports in the caller's transaction."""
        answers: list[BatchAnswer] = [
            answer if isinstance(answer, UnknownDelivery) else list(answer)
            for answer in await settle.apply_reports(c, reports, self.clock(), PROCESS)
        ]
        for result in [result for answer in answers if not isinstance(answer, UnknownDelivery) for result in answer]:
            if result.processing_seconds is not None:
                self.meters.observe(result.destination, "processing", result.processing_seconds)
                self._flush_soon()
        return answers

    async def close(self) -> None:
        """Write what was measured and is not written yet."""
        if self._flushing is not None and not self._flushing.done():
            self._flushing.cancel()
            await self._flush()

    def _flush_soon(self) -> None:
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush_later())

    async def _flush_later(self) -> None:
        await asyncio.sleep(FLUSH_SECONDS)
        await self._flush()

    async def _flush(self) -> None:
        try:
            async with self.pool.acquire() as c:
                await self.meters.flush(c, PROCESS)
        except DATABASE_ERRORS as error:
            log.warning("meters.kept", error=str(error), next="written with the next flush")

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            await self._write_batch(batch)

    async def _write_batch(self, batch: Batch) -> None:
        try:
            async with self.pool.acquire() as c, c.transaction():
                answers = await self.apply_in(c, [report for report, _ in batch])
        except Exception as error:  # noqa: BLE001 - the request that waits for it gets it
            if len(batch) == 1 or is_transient(error):
                _fail(batch, error)
                return
            for one in batch:  # a report that can never be written costs its sender only
                await self._write_batch([one])
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)


@dataclass(frozen=True, slots=True)
class ReportHandler:
    """Applies the report of one request."""

    batcher: ReportBatcher
    notifications: PendingNotifications

    @property
    def clock(self) -> Clock:
        """The clock of the application."""
        return self.batcher.clock

    async def answer(self, report: IncomingReport, shared: Connection | None) -> ReportResult:
        """Apply a report, in the request's own transaction where it has one, and return its result."""
        found = (
            await self.batcher.apply(report) if shared is None else (await self.batcher.apply_in(shared, [report]))[0]
        )
        if isinstance(found, UnknownDelivery):
            raise NotFound(f"no delivery {report.delivery_id}")
        self.notifications.notify("changes")
        if found[0].notifies_system:
            self.notifications.notify("lanes")
        return found[0]


def trace_report(target: ReportTarget, status: str, began: datetime, ended: datetime) -> None:
    """Record a report in the trace of its delivery, linked to the trace of the request."""
    named = {"delivery": str(target.id), "status": status}
    record_here(Step(name="report las", traceparent=target.traceparent, attributes=named), began, ended)


def check_report(body: ReportRequest, target: ReportTarget, now: datetime) -> IncomingReport:
    """Return a report in the hub's own terms; raise `InvalidInput` when it is about another delivery."""
    faults = list(_faults(body, target, now))
    if faults:
        raise InvalidInput(faults)
    report = to_incoming(
        Report(delivery_id=target.id, status=body.status, signals=body.signals, reported_at=body.reported_at)
    )
    return replace(report, key=target.key)


def _faults(body: ReportRequest, target: ReportTarget, now: datetime) -> Iterator[FieldError]:
    own = {"deliveryId": target.id, "mandateId": target.mandate_id, "mandateVersion": target.mandate_version}
    named = {"deliveryId": body.delivery_id, "mandateId": body.mandate_id, "mandateVersion": body.mandate_version}
    for name, value in named.items():
        if value is not None and value != own[name]:
            yield FieldError(field=f"/{name}", code="other_delivery", detail=f"this delivery's is {own[name]}")
    if body.reported_at > now + MAX_CLOCK_SKEW:
        yield FieldError(field="/reportedAt", code="future", detail="it lies more than five minutes ahead")


async def _handler(request: Request, notifications: NotificationsHere) -> ReportHandler:
    """Return the handler of this request, with the one batcher of this application."""
    shared, state = app_state(request.scope), request.app.state
    if not hasattr(state, "report_batcher"):
        state.report_batcher = ReportBatcher(shared.open_pool, shared.clock, Meters(default_objective(shared.settings)))
    return ReportHandler(state.report_batcher, notifications)


ReportHandlerHere = Annotated[ReportHandler, Depends(_handler)]


def _fail(batch: Batch, error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)


async def close_reports(app: FastAPI) -> None:
    """Write what an application that stops has measured of reports."""
    if hasattr(app.state, "report_batcher"):
        await app.state.report_batcher.close()
