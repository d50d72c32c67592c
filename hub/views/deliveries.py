"""The bodies of deliveries, lanes and reports: what is asked for, what is shown."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from pydantic import ConfigDict, Field

from hub.api.reasons import Reason
from hub.domain.delivery import Ignored, Status
from hub.envelopes import unit_of
from hub.observe.shown import shown_status
from hub.store.deliveries import DeliveryView, LaneView
from hub.store.observe import DestinationView
from hub.views.models import NULL_IS_DEFAULT, CamelModel, Moment, RequestModel, example
from schemas.kinds import HELD, ReportStatus
from schemas.messages import HIGHEST_VERSION, Signal
from schemas.moments import Moment as ReportedAt

MOST_SIGNALS = 100


class TransportBody(CamelModel):
    """Where a message went: a place on a topic, or the address of a webhook."""

    topic: str | None
    partition: int | None
    offset: int | None
    url: str | None


class DeliveryBody(CamelModel):
    """What one destination is told of one unit by one event."""

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
    transport: TransportBody


class AttemptBody(CamelModel):
    """One attempt to hand a message over."""

    number: int
    at: Moment
    outcome: Literal["delivered", "retry", "refused", "gone"]
    http_status: int | None
    duration_ms: int | None
    error: str | None


class ReportBody(CamelModel):
    """A report that came, and whether it changed anything."""

    status: str
    signals: list[dict[str, Any]]
    reported_at: Moment
    received_at: Moment
    applied: bool


class DeliveryDetailBody(DeliveryBody):
    """A delivery with its message as it was or will be sent, and all that happened to it."""

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


class ReportRequest(RequestModel):
    """What a receiver did with a delivery; what it names besides must be that delivery's own."""

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
    signals: Annotated[tuple[Signal, ...], Field(max_length=MOST_SIGNALS), NULL_IS_DEFAULT] = ()
    reported_at: ReportedAt


class ReportAnswer(CamelModel):
    """What became of a report."""

    delivery_id: UUID
    status: str
    applied: bool
    ignored_because: Literal["duplicate", "older", "final", "not_expected"] | None


class ReasonRequest(RequestModel):
    """Why somebody does something."""

    model_config = example(reason="sent to the wrong school")

    reason: Reason


def show_delivery(view: DeliveryView, place: DestinationView, epoch: int, *, with_url: bool) -> DeliveryBody:
    """Write a delivery."""
    return DeliveryBody(**_shown(view, place, epoch, with_url=with_url))


def show_detail(
    shown: DeliveryBody, message: bytes, attempts: Sequence[AttemptBody], reports: Sequence[ReportBody]
) -> DeliveryDetailBody:
    """Write a delivery with its message and its history."""
    named = {name: getattr(shown, name) for name in DeliveryBody.model_fields}
    return DeliveryDetailBody(**named, message=orjson.loads(message), attempts=list(attempts), reports=list(reports))


def show_attempts(view: DeliveryView, rows: Sequence[Mapping[str, Any]]) -> list[AttemptBody]:
    """Write the attempts: failures are kept as rows, the success as a moment."""
    failed = [AttemptBody(**dict(row)) for row in rows]
    if view.moments.delivered_at is None:
        return failed
    taken = AttemptBody(
        number=1 + max((attempt.number for attempt in failed), default=0),
        at=view.moments.delivered_at,
        outcome="delivered",
        http_status=None,
        duration_ms=None,
        error=None,
    )
    return [*failed, taken]


def show_reports(view: DeliveryView, rows: Sequence[Mapping[str, Any]], *, with_texts: bool) -> list[ReportBody]:
    """Write the reports; a clean first one lives in columns of its delivery, texts are not for everybody."""
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
    """Write what a back office remarked, without its words where they are not for the caller."""
    return [dict(signal) if with_texts else {**signal, "text": None} for signal in signals]


def show_lane(lane: LaneView, place: DestinationView) -> LaneBody:
    """Write a lane."""
    state: Literal["idle", "waiting", "held", "retrying"] = "idle"
    if lane.next_status is not None:
        status, _ = shown_status(place, lane.next_status, None, lane_is_held=lane.held)
        state = "held" if status == HELD else "retrying" if lane.next_status is Status.RETRYING else "waiting"
    return LaneBody(
        destination=place.name,
        brin=lane.brin,
        last_planned=lane.tail,
        last_settled=lane.head,
        state=state,
        due_at=lane.due if state in {"waiting", "retrying"} else None,
    )


def show_report(delivery_id: UUID, status: str, ignored: Ignored | None) -> ReportAnswer:
    """Write what became of a report."""
    because = None if ignored is None else ignored.value
    return ReportAnswer.model_validate(
        {
            "delivery_id": delivery_id,
            "status": status,
            "applied": ignored is None,
            "ignored_because": because,
        }
    )


def _shown(view: DeliveryView, place: DestinationView, epoch: int, *, with_url: bool) -> dict[str, Any]:
    status, reason = shown_status(place, view.status, view.reason, lane_is_held=view.lane_is_held)
    return {
        "id": view.id,
        "event_id": view.event_id,
        "mandate_id": view.mandate_id,
        "mandate_version": view.mandate_version,
        "type": view.kind.type,
        "destination": place.name,
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
        "transport": _transport(view, place, with_url=with_url),
    }


def _transport(view: DeliveryView, place: DestinationView, *, with_url: bool) -> TransportBody:
    return TransportBody(
        topic=place.topic,
        partition=view.kafka_partition,
        offset=view.kafka_offset,
        url=place.url if with_url else None,
    )
