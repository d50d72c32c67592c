"""`/v1/cancellations`: cancel waiting deliveries. In: which deliveries, and why. Out: a preview, or a cancellation."""

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Response

from hub.access import Actor
from hub.api.answers import LOCATION, Responses
from hub.api.auth import OperationsHere
from hub.api.bodies import ReasonRequest
from hub.api.parameters import PagingHere
from hub.api.state import ConnectionHere, NowHere, SettingsHere
from hub.domain.bulk import BulkKind
from hub.domain.ids import new_id
from hub.operations import bulk
from hub.store import bulk as store
from hub.views.bulk import CancellationBody, CancellationRequest, preview_cancellation, show_cancellation
from hub.views.models import Items

router = APIRouter(prefix="/cancellations", tags=["operations"])
ACCEPTED: Responses = {202: {"model": CancellationBody, "description": "It will be done.", "headers": LOCATION}}


@router.post("", responses=ACCEPTED)
async def post_cancellation(
    body: CancellationRequest,
    response: Response,
    c: ConnectionHere,
    caller: OperationsHere,
    now: NowHere,
    settings: SettingsHere,
) -> CancellationBody:
    """Cancel the selected deliveries that still wait; a dry run counts, shows samples and changes nothing.

    Above a number of deliveries, with those the same operator began alone in the last 24 hours, it waits until another
    operator approves it; `whyApproval` says so.
    """
    above = settings.operations.four_eyes_above
    if body.dry_run:
        found = await bulk.preview(c, body.to_job_request(), new_id(now), caller.subject)
        return preview_cancellation(body, found, above)
    actor = Actor(caller=caller, at=now, reason=body.reason)
    async with c.transaction():
        act = await bulk.submit(c, body.to_job_request(), actor, above)
    response.status_code = HTTPStatus.ACCEPTED
    response.headers["Location"] = f"{settings.http.address}/v1/cancellations/{act.id}"
    return show_cancellation(act)


@router.get("")
async def list_cancellations(c: ConnectionHere, _caller: OperationsHere, paging: PagingHere) -> Items[CancellationBody]:
    """List the cancellations, newest first."""
    before = paging.after_id()
    found = await store.list_jobs(c, BulkKind.CANCELLATION, before, paging.limit + 1)
    return paging.page(found, lambda act: (str(act.id),), show_cancellation)


@router.get("/{cancellation_id}")
async def get_cancellation(cancellation_id: UUID, c: ConnectionHere, _caller: OperationsHere) -> CancellationBody:
    """Read how far a cancellation is."""
    return show_cancellation(await bulk.read(c, cancellation_id, BulkKind.CANCELLATION))


@router.post("/{cancellation_id}/approval")
async def post_cancellation_approval(
    cancellation_id: UUID, body: ReasonRequest, c: ConnectionHere, caller: OperationsHere, now: NowHere
) -> CancellationBody:
    """Approve a cancellation that waits for a second person; 409 for the person who requested it."""
    async with c.transaction():
        actor = Actor(caller=caller, at=now, reason=body.reason)
        return show_cancellation(await bulk.approve(c, cancellation_id, actor, BulkKind.CANCELLATION))


@router.post("/{cancellation_id}/cancellation")
async def post_stop(
    cancellation_id: UUID, body: ReasonRequest, c: ConnectionHere, caller: OperationsHere, now: NowHere
) -> CancellationBody:
    """Stop a cancellation; what it cancelled stays cancelled."""
    async with c.transaction():
        actor = Actor(caller=caller, at=now, reason=body.reason)
        return show_cancellation(await bulk.stop(c, cancellation_id, actor, BulkKind.CANCELLATION))
