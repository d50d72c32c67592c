"""`/v1/parked`: records that could not be used. In: a decision. Out: what they hold, and why they are here."""

from base64 import b64encode
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from hub.access import Actor, Caller
from hub.api.auth import OperationsHere
from hub.api.paging import PagingHere
from hub.api.reasons import Reason
from hub.api.state import ConnectionHere, NotificationsHere, NowHere
from hub.operations import controls
from hub.store import operations
from hub.store.operations import Parked, ParkedState
from hub.views.models import CamelModel, Items, Moment, RequestModel, example

router = APIRouter(prefix="/parked", tags=["operations"])
HIGHEST = 2**63 - 1
ParkedId = Annotated[int, Path(ge=0, le=HIGHEST)]
Fault = Literal["unparsable", "schema", "unknown_school", "unknown_delivery", "future"]


class ParkedBody(CamelModel):
    """A record that was put aside; its bytes as long as they are kept."""

    id: str
    topic: str
    partition: int
    offset: int
    reason: Fault
    blame: Literal["sender", "hub"]
    detail: str
    received_at: Moment
    bytes_base64: str | None
    state: ParkedState


class DecisionRequest(RequestModel):
    """Why."""

    model_config = example(reason="the school is known by now")

    reason: Reason | None = None


@router.get("")
async def list_parked(
    c: ConnectionHere,
    _caller: OperationsHere,
    paging: PagingHere,
    state: Annotated[ParkedState | None, Query()] = None,
    reason: Annotated[Fault | None, Query()] = None,
) -> Items[ParkedBody]:
    """List parked records, oldest first; of one state, or of all."""
    after = paging.after(int)
    found = await operations.list_parked(
        c, after=after[0] if after else 0, state=state, reason=reason, most=paging.limit + 1
    )
    return paging.page(found, lambda parked: (parked.id,), show_parked)


@router.post("/{parked_id}/retry")
async def post_retry(
    parked_id: ParkedId,
    c: ConnectionHere,
    caller: OperationsHere,
    now: NowHere,
    notifications: NotificationsHere,
    body: DecisionRequest | None = None,
) -> ParkedBody:
    """Use it after all; 409 when it still cannot be used."""
    async with c.transaction():
        parked = await controls.retry(c, parked_id, _actor(caller, now, body))
    notifications.notify("changes")
    return show_parked(parked)


@router.post("/{parked_id}/discard")
async def post_discard(
    parked_id: ParkedId, c: ConnectionHere, caller: OperationsHere, now: NowHere, body: DecisionRequest | None = None
) -> ParkedBody:
    """Decide that it is never used."""
    async with c.transaction():
        return show_parked(await controls.discard(c, parked_id, _actor(caller, now, body)))


def show_parked(parked: Parked) -> ParkedBody:
    """Write a parked record."""
    return ParkedBody(
        id=str(parked.id),
        topic=parked.topic,
        partition=parked.partition,
        offset=parked.offset,
        reason=parked.reason,
        blame=parked.blame,
        detail=parked.detail,
        received_at=parked.received_at,
        bytes_base64=None if parked.bytes is None else b64encode(parked.bytes).decode(),
        state=parked.state,
    )


def _actor(caller: Caller, now: NowHere, body: DecisionRequest | None) -> Actor:
    return Actor(caller=caller, at=now, reason=body.reason if body else None)
