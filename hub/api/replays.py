"""`/v1/replays`: send the current state again. In: which deliveries, and why. Out: a preview, or a replay."""

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
from hub.views.bulk import ReplayBody, ReplayRequest, preview_replay, show_replay
from hub.views.models import Items

router = APIRouter(prefix="/replays", tags=["operations"])
ACCEPTED: Responses = {202: {"model": ReplayBody, "description": "It will be done.", "headers": LOCATION}}


@router.post("", responses=ACCEPTED)
async def post_replay(
    body: ReplayRequest,
    response: Response,
    c: ConnectionHere,
    caller: OperationsHere,
    now: NowHere,
    settings: SettingsHere,
) -> ReplayBody:
    """Send the current state of the selected deliveries, once per unit; a dry run counts and changes nothing.

    Above a number of deliveries, with those the same operator began alone in the last 24 hours, it waits until another
    operator approves it; `whyApproval` says so.
    """
    above = settings.operations.four_eyes_above
    if body.dry_run:
        found = await bulk.preview(c, body.to_job_request(), new_id(now), caller.subject)
        return preview_replay(body, found, above)
    actor = Actor(caller=caller, at=now, reason=body.reason)
    async with c.transaction():
        act = await bulk.submit(c, body.to_job_request(), actor, above)
    response.status_code = HTTPStatus.ACCEPTED
    response.headers["Location"] = f"{settings.http.address}/v1/replays/{act.id}"
    return show_replay(act)


@router.get("")
async def list_replays(c: ConnectionHere, _caller: OperationsHere, paging: PagingHere) -> Items[ReplayBody]:
    """List the replays, newest first."""
    before = paging.after_id()
    found = await store.list_jobs(c, BulkKind.REPLAY, before, paging.limit + 1)
    return paging.page(found, lambda act: (str(act.id),), show_replay)


@router.get("/{replay_id}")
async def get_replay(replay_id: UUID, c: ConnectionHere, _caller: OperationsHere) -> ReplayBody:
    """Read how far a replay is."""
    return show_replay(await bulk.read(c, replay_id, BulkKind.REPLAY))


@router.post("/{replay_id}/approval")
async def post_replay_approval(
    replay_id: UUID, body: ReasonRequest, c: ConnectionHere, caller: OperationsHere, now: NowHere
) -> ReplayBody:
    """Approve a replay that waits for a second person; 409 for the person who requested it."""
    async with c.transaction():
        actor = Actor(caller=caller, at=now, reason=body.reason)
        return show_replay(await bulk.approve(c, replay_id, actor, BulkKind.REPLAY))


@router.post("/{replay_id}/cancellation")
async def post_replay_cancellation(
    replay_id: UUID, body: ReasonRequest, c: ConnectionHere, caller: OperationsHere, now: NowHere
) -> ReplayBody:
    """Stop a replay; what it appended stays, and can be cancelled like any delivery."""
    async with c.transaction():
        actor = Actor(caller=caller, at=now, reason=body.reason)
        return show_replay(await bulk.stop(c, replay_id, actor, BulkKind.REPLAY))
