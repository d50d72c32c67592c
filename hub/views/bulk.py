"""Replays and cancellations of many deliveries. In: a selection, or a bulk job. Out: a preview, or how far it is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field, StrictBool, StrictInt, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from hub.domain.bulk import BulkKind, BulkState, approval_reason, needs_approval
from hub.operations.bulk import BulkJobRequest, BulkPreview
from hub.operations.bulk.request import selection_json
from hub.store.bulk import BulkJob, BulkSelection
from hub.views.few_errors import FewErrors
from hub.views.models import (
    NULL_IS_DEFAULT,
    CamelModel,
    Moment,
    Reason,
    RequestModel,
    RequestMoment,
    ShownStatus,
    example,
)
from schemas.identifiers import BrinField

MAX_IDS = 10_000
MAX_RATE = 10_000
State = Literal["preview", "awaiting_approval", "running", "done", "cancelled"]
Rate = Annotated[StrictInt, Field(ge=1, le=MAX_RATE, description="At most so many deliveries in a second.")]


class BulkRequest(RequestModel):
    """Which deliveries, and why; a filter that is left out selects all. A dry run needs no reason."""

    kind: ClassVar[BulkKind]

    destination: Annotated[str | None, Field(max_length=100)] = None
    brins: Annotated[list[BrinField], Field(min_length=1, max_length=MAX_IDS), FewErrors()] | None = None
    mandate_ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_IDS), FewErrors()] | None = None
    delivery_ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_IDS), FewErrors()] | None = None
    statuses: Annotated[list[ShownStatus], Field(min_length=1)] | None = None
    from_: Annotated[RequestMoment | None, Field(alias="from", description="Planned at or after this moment.")] = None
    to: Annotated[RequestMoment | None, Field(description="Planned at or before this moment.")] = None
    dry_run: Annotated[StrictBool, NULL_IS_DEFAULT] = False
    rate_per_second: Annotated[Rate, NULL_IS_DEFAULT] = 50
    reason: Annotated[Reason | None, Field(validate_default=True)] = None

    @field_validator("reason")
    @classmethod
    def _check_reason(cls, reason: str | None, info: ValidationInfo) -> str | None:
        if reason is None and not info.data.get("dry_run"):
            raise PydanticCustomError("missing", "what is not a dry run needs a reason")
        return reason

    def to_job_request(self) -> BulkJobRequest:
        """Return the request in the hub's own terms."""
        chosen = BulkSelection(
            destination=self.destination,
            brins=self.brins,
            mandate_ids=self.mandate_ids,
            delivery_ids=self.delivery_ids,
            statuses=None if self.statuses is None else [str(status) for status in self.statuses],
            planned_from=self.from_,
            planned_until=self.to,
        )
        return BulkJobRequest(kind=self.kind, chosen=chosen, rate=self.rate_per_second)


class ReplayRequest(BulkRequest):
    """Of which deliveries the current state is sent again."""

    model_config = example(destination="duo:rio", statuses=["dead"], dryRun=True, ratePerSecond=50)

    kind = BulkKind.REPLAY


class CancellationRequest(BulkRequest):
    """Which deliveries that still wait are cancelled."""

    model_config = example(destination="duo:rio", brins=["18DS"], dryRun=False, reason="sent to the wrong school")

    kind = BulkKind.CANCELLATION
    rate_per_second: Annotated[Rate, NULL_IS_DEFAULT] = 1000


class SampleBody(CamelModel):
    """One of the deliveries that were chosen."""

    delivery_id: UUID
    destination: str
    brin: str
    branch: str | None
    mandate_id: UUID
    mandate_version: int


class ReplaySampleBody(SampleBody):
    """A sample, with the type of the message that replaces it."""

    sends: str


class BulkBody(CamelModel):
    """What replays and cancellations have in common."""

    destination: str | None
    brins: list[str] | None
    mandate_ids: list[UUID] | None
    delivery_ids: list[UUID] | None
    statuses: list[ShownStatus] | None
    from_: Annotated[Moment | None, Field(alias="from")]
    to: Moment | None
    dry_run: bool
    rate_per_second: int
    reason: str | None
    id: UUID | None
    state: State
    matched: Annotated[int, Field(description="Deliveries that were chosen.")]
    skipped: Annotated[int, Field(description="Deliveries that no longer needed anything.")]
    asked_by: Annotated[str | None, Field(description="A pseudonym, or the hub's command line.")]
    asked_at: Moment | None
    approved_by: Annotated[str | None, Field(description="A pseudonym; another person's than `askedBy`.")]
    approved_at: Moment | None
    ended_at: Moment | None
    why_approval: Annotated[
        str | None, Field(description="Why it waits, or would wait, for another operator, and what to do; else null.")
    ]


class ReplayBody(BulkBody):
    """A replay: the current state of each unit concerned, once, at the end of its lane."""

    superseded: Annotated[int, Field(description="Selected deliveries that a newer state replaces.")]
    to_send: int
    sent: Annotated[int, Field(description="Appended to their lanes so far.")]
    sample: list[ReplaySampleBody]


class CancellationBody(BulkBody):
    """A cancellation of many deliveries that wait."""

    to_cancel: int
    ends: Annotated[int, Field(description="How many of them announce the end of an authorisation.")]
    cancelled: Annotated[int, Field(description="So far.")]
    sample: list[SampleBody]


def preview_replay(request: ReplayRequest, found: BulkPreview, four_eyes_above: int) -> ReplayBody:
    """Return the preview of a replay."""
    counted = found.counted
    counts = {"superseded": counted.superseded, "to_send": len(counted.todo), "sent": 0}
    return ReplayBody.model_validate(_previewed(request, found, four_eyes_above) | counts)


def preview_cancellation(request: CancellationRequest, found: BulkPreview, four_eyes_above: int) -> CancellationBody:
    """Return the preview of a cancellation."""
    counts = {"to_cancel": len(found.counted.todo), "ends": found.counted.ends, "cancelled": 0}
    return CancellationBody.model_validate(_previewed(request, found, four_eyes_above) | counts)


def show_replay(act: BulkJob) -> ReplayBody:
    """Return the body of a replay."""
    return ReplayBody.model_validate(
        _shown(act) | {"superseded": act.superseded, "to_send": act.todo, "sent": act.done}
    )


def show_cancellation(act: BulkJob) -> CancellationBody:
    """Return the body of a cancellation."""
    return CancellationBody.model_validate(
        _shown(act) | {"to_cancel": act.todo, "ends": act.ends, "cancelled": act.done}
    )


def _previewed(request: BulkRequest, found: BulkPreview, four_eyes_above: int) -> dict[str, Any]:
    todo = len(found.counted.todo)
    waits = needs_approval(todo, found.before, four_eyes_above)
    unset = dict.fromkeys(("id", "asked_by", "asked_at", "approved_by", "approved_at", "ended_at"))
    return {
        **_chosen(selection_json(request.to_job_request().chosen)),
        **unset,
        "dry_run": True,
        "rate_per_second": request.rate_per_second,
        "reason": request.reason,
        "state": "preview",
        "matched": found.counted.matched,
        "skipped": 0,
        "sample": found.sample,
        "why_approval": f"{approval_reason(todo, found.before)}: it will wait for another operator" if waits else None,
    }


def _shown(act: BulkJob) -> dict[str, Any]:
    own = ("id", "state", "matched", "skipped", "reason", "sample")
    waits = act.state is BulkState.AWAITING_APPROVAL
    people = ("asked_by", "asked_at", "approved_by", "approved_at", "ended_at")
    return {
        **_chosen(act.chosen),
        **{name: getattr(act, name) for name in (*own, *people)},
        "dry_run": False,
        "rate_per_second": act.rate,
        "why_approval": f"{approval_reason(act.todo, act.before)}: ask another operator to approve it"
        if waits
        else None,
    }


def _chosen(chosen: Mapping[str, Any]) -> dict[str, Any]:
    moments = {name: None if chosen[name] is None else datetime.fromisoformat(chosen[name]) for name in ("from", "to")}
    return {**chosen, **moments}
