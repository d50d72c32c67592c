"""Deliveries, lanes and reports as they are shown. In: filters, rows of the ledger. Out: bodies."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from pydantic import ConfigDict, Field

from hub.domain.delivery import Ignored, Status
from hub.domain.reasons import reason_words
from hub.envelopes import unit_of
from hub.observe.shown import shown_status
from hub.store.deliveries import DeliveryFilter, DeliveryView, LaneView
from hub.store.observe import DestinationView
from hub.telemetry import trace_id_of
from hub.views.models import CamelModel, Moment, RequestModel, RequestMoment, ShownStatus
from schemas.identifiers import BranchField, BrinField, ServiceCodeField
from schemas.kinds import HELD

HIGHEST_SEQUENCE = 2**63 - 1


class DeliveryQuery(RequestModel):
    """A filter on deliveries."""

    model_config = ConfigDict(extra="ignore")  # paging has parameters in the same query

    destination: Annotated[str | None, Field(max_length=100)] = None
    brin: BrinField | None = None
    branch: BranchField | None = None
    service_code: ServiceCodeField | None = None
    mandate_id: UUID | None = None
    event_id: UUID | None = None
    status: list[ShownStatus] = Field(default_factory=list)
    from_: Annotated[RequestMoment | None, Field(alias="from")] = None
    to: RequestMoment | None = None
    after_sequence: Annotated[int | None, Field(ge=0, le=HIGHEST_SEQUENCE)] = None
    trace_id: Annotated[
        str | None,
        Field(pattern="^[0-9a-f]{32}$", description="Of the last seven days, unless `from` is given; 10,000 at most."),
    ] = None

    def to_filter(self, destinations: Sequence[DestinationView], after: tuple[Any, ...] | None) -> DeliveryFilter:
        """Return the filter in the hub's own terms; `after` is the key (destination, BRIN, number) to go on behind."""
        return DeliveryFilter(
            destinations=[p.id for p in destinations if self.destination in (None, p.name)],
            brin=self.brin,
            branch=self.branch,
            service_code=self.service_code,
            mandate_id=self.mandate_id,
            event_id=self.event_id,
            statuses=[str(status) for status in self.status] or None,
            planned_from=self.from_,
            planned_until=self.to,
            after_sequence=self.after_sequence,
            after=None if after is None else (after[0], after[1], after[2]),
        )


class TransportBody(CamelModel):
    """Where a message went: a topic, or the address of a webhook."""

    topic: str | None
    partition: int | None
    offset: int | None
    url: str | None


class DeliveryBody(CamelModel):
    """One message to one destination, about one unit, because of one event."""

    id: UUID
    event_id: UUID
    mandate_id: UUID
    mandate_version: int
    type: str
    destination: str
    service_code: str
    brin: str
    branch: str | None
    routing_id: str | None
    sequence: int
    previous_sequence: int | None
    ledger_epoch: int
    status: str
    expects: Literal["report", "delivery"]
    reason: str | None
    replay_of: UUID | None
    created_at: Moment
    due_at: Moment | None
    delivered_at: Moment | None
    processed_at: Moment | None
    trace_id: str | None
    transport: TransportBody


class AttemptBody(CamelModel):
    """One attempt to deliver a message."""

    number: int
    at: Moment
    outcome: Literal["delivered", "retry", "refused", "gone"]
    http_status: int | None
    duration_ms: int | None
    error: str | None
    answer: Annotated[
        str | None, Field(description="The first 500 bytes that the receiver wrote with a failure; numbers are masked.")
    ] = None


class ReportBody(CamelModel):
    """A received report, and whether it changed the delivery."""

    status: str
    signals: list[dict[str, Any]]
    reported_at: Moment
    received_at: Moment
    applied: bool


class DeliveryDetailBody(DeliveryBody):
    """A delivery with its message as it was or will be sent, and all that happened to it."""

    published_at: Annotated[
        Moment | None, Field(description="When its event was published, where it was planned after that.")
    ]
    message: dict[str, Any]
    attempts: list[AttemptBody]
    reports: list[ReportBody]


class LaneBody(CamelModel):
    """The line of one school to one destination: numbered through `lastPlanned`, settled through `lastSettled`."""

    destination: str
    brin: str
    last_planned: int
    last_settled: int
    state: Literal["idle", "waiting", "held", "retrying"]
    due_at: Moment | None


class ReportAnswer(CamelModel):
    """The answer to a report."""

    delivery_id: UUID
    status: str
    applied: bool
    ignored_because: Literal["duplicate", "older", "final", "not_expected"] | None


def show_delivery(
    view: DeliveryView, destination: DestinationView, epoch: int, *, with_url: bool, with_words: bool
) -> DeliveryBody:
    """Return the body of a delivery; `with_words` is for operations, who read what an operator wrote."""
    shown = _shown(view, destination, epoch, with_url=with_url)
    if with_words and view.status is Status.CANCELLED:
        shown["reason"] = reason_words(view.reason)
    return DeliveryBody(**shown, trace_id=trace_id_of(view.traceparent))


def show_detail(
    shown: DeliveryBody,
    message: bytes,
    attempts: Sequence[AttemptBody],
    reports: Sequence[ReportBody],
    *,
    published_at: datetime | None,
) -> DeliveryDetailBody:
    """Return the body of a delivery with its message and its history."""
    named = {name: getattr(shown, name) for name in DeliveryBody.model_fields}
    return DeliveryDetailBody(
        **named,
        published_at=published_at,
        message=orjson.loads(message),
        attempts=list(attempts),
        reports=list(reports),
    )


def show_attempts(
    view: DeliveryView, rows: Sequence[Mapping[str, Any]], *, with_answers: bool = True
) -> list[AttemptBody]:
    """Return the bodies of attempts: failures are rows, the success is a moment of the delivery.

    `with_answers` is for the receiver itself and operations, who read what it wrote.
    """
    failed = [AttemptBody(**{**row, "answer": row["answer"] if with_answers else None}) for row in rows]
    if view.moments.delivered_at is None:
        return failed
    taken = AttemptBody(
        number=1 + max((attempt.number for attempt in failed), default=0),
        at=view.moments.delivered_at,
        outcome="delivered",
        http_status=view.http_status,
        duration_ms=view.sent_ms,
        error=None,
    )
    return [*failed, taken]


def show_reports(view: DeliveryView, rows: Sequence[Mapping[str, Any]], *, with_texts: bool) -> list[ReportBody]:
    """Return the bodies of reports; a first one without signals is stored in columns of its delivery."""
    kept = [
        ReportBody(**{**row, "signals": show_signals(orjson.loads(row["signals"]), with_texts=with_texts)})
        for row in rows
    ]
    if view.reported_at is None or any(report.applied for report in kept):
        return kept
    clean = ReportBody(
        status=view.status.value,
        signals=[],
        reported_at=view.reported_at,
        received_at=view.moments.processed_at or view.reported_at,
        applied=True,
    )
    return [clean, *kept]


def show_signals(signals: Sequence[Mapping[str, Any]], *, with_texts: bool) -> list[dict[str, Any]]:
    """Return the signals of a report, without their texts where the caller may not read these."""
    return [dict(signal) if with_texts else {**signal, "text": None} for signal in signals]


def show_lane(lane: LaneView, destination: DestinationView) -> LaneBody:
    """Return the body of a lane."""
    state: Literal["idle", "waiting", "held", "retrying"] = "idle"
    if lane.next_status is not None:
        status, _ = shown_status(destination, lane.next_status, None, lane_is_held=lane.held)
        state = "held" if status == HELD else "retrying" if lane.next_status is Status.RETRYING else "waiting"
    return LaneBody(
        destination=destination.name,
        brin=lane.brin,
        last_planned=lane.tail,
        last_settled=lane.head,
        state=state,
        due_at=lane.due if state in {"waiting", "retrying"} else None,
    )


def show_report(delivery_id: UUID, status: str, ignored: Ignored | None) -> ReportAnswer:
    """Return the answer to a report."""
    because = None if ignored is None else ignored.value
    return ReportAnswer.model_validate(
        {
            "delivery_id": delivery_id,
            "status": status,
            "applied": ignored is None,
            "ignored_because": because,
        }
    )


def _shown(view: DeliveryView, destination: DestinationView, epoch: int, *, with_url: bool) -> dict[str, Any]:
    status, reason = shown_status(destination, view.status, view.reason, lane_is_held=view.lane_is_held)
    return {
        "id": view.id,
        "event_id": view.event_id,
        "mandate_id": view.mandate_id,
        "mandate_version": view.mandate_version,
        "type": view.kind.type,
        "destination": destination.name,
        "service_code": view.service_code,
        "brin": view.brin,
        "branch": view.branch or None,
        "routing_id": unit_of(view.units, view.branch)["routing"],
        "sequence": view.sequence,
        "previous_sequence": view.previous,
        "ledger_epoch": epoch,
        "status": status,
        "expects": "report" if view.expects_report else "delivery",
        "reason": reason,
        "replay_of": view.replay_of,
        "created_at": view.moments.planned_at,
        "due_at": view.due if view.is_next and status != HELD else None,
        "delivered_at": view.moments.delivered_at,
        "processed_at": view.moments.processed_at,
        "transport": _transport(view, destination, with_url=with_url),
    }


def _transport(view: DeliveryView, destination: DestinationView, *, with_url: bool) -> TransportBody:
    return TransportBody(
        topic=destination.topic,
        partition=view.kafka_partition,
        offset=view.kafka_offset,
        url=destination.url if with_url else None,
    )
