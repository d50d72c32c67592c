"""`/v1/parked`: records that could not be used. In: a decision. Out: what they hold, and why they are parked.

Operations see all of them and decide. DUO sees the reports that it wrote and that could not be used, and why.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from hub.access import Actor, Caller, Role
from hub.access.rules import parked_scope
from hub.api.auth import OperationsHere, require
from hub.api.parameters import PagingHere
from hub.api.state import ConnectionHere, NotificationsHere, NowHere, SettingsHere
from hub.errors import NotFound
from hub.operations import controls
from hub.store import operations
from hub.store.operations import ParkedState
from hub.views.models import Items, Reason, RequestModel, example
from hub.views.parked import Fault, ParkedBody, show_listed, show_parked

router = APIRouter(prefix="/parked", tags=["operations"])
MAX_ID = 2**63 - 1
ParkedId = Annotated[int, Path(ge=0, le=MAX_ID)]
ReaderHere = Annotated[Caller, Depends(require(Role.OPERATIONS, Role.DUO))]


class DecisionRequest(RequestModel):
    """Why."""

    model_config = example(reason="the school is known by now")

    reason: Reason | None = None


@router.get("")
async def list_parked(
    c: ConnectionHere,
    caller: ReaderHere,
    paging: PagingHere,
    state: Annotated[ParkedState | None, Query()] = None,
    reason: Annotated[Fault | None, Query()] = None,
) -> Items[ParkedBody]:
    """List parked records, oldest first; of one state, or of all. DUO sees its own reports that are at fault.

    `bytesBase64` is null here; each record has its bytes at its own address.
    """
    after = paging.after(int)
    found = await operations.list_parked(
        c, after=after[0] if after else 0, state=state, reason=reason, scope=parked_scope(caller), most=paging.limit + 1
    )
    return paging.page(found, lambda parked: (parked.id,), show_listed)


@router.get("/{parked_id}")
async def get_parked(parked_id: ParkedId, c: ConnectionHere, caller: ReaderHere) -> ParkedBody:
    """Read a parked record with its bytes, as long as they are kept."""
    found = await operations.find_parked(c, parked_id, parked_scope(caller))
    if found is None:
        raise NotFound(f"no parked record {parked_id}")
    return show_parked(found)


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Who decides on a record and why, and how much that person may do alone."""

    actor: Actor
    four_eyes_above: int


async def _decision(
    caller: OperationsHere, now: NowHere, settings: SettingsHere, body: DecisionRequest | None = None
) -> Decision:
    actor = Actor(caller=caller, at=now, reason=body.reason if body else None)
    return Decision(actor=actor, four_eyes_above=settings.operations.four_eyes_above)


DecisionHere = Annotated[Decision, Depends(_decision)]


@router.post("/{parked_id}/retry")
async def post_retry(
    parked_id: ParkedId, c: ConnectionHere, decision: DecisionHere, notifications: NotificationsHere
) -> ParkedBody:
    """Retry a parked record; 409 when it still cannot be used."""
    async with c.transaction():
        parked = await controls.retry(c, parked_id, decision.actor, decision.four_eyes_above)
    notifications.notify("changes")
    return show_parked(parked)


@router.post("/{parked_id}/discard")
async def post_discard(parked_id: ParkedId, c: ConnectionHere, decision: DecisionHere) -> ParkedBody:
    """Discard a parked record for good."""
    async with c.transaction():
        return show_parked(await controls.discard(c, parked_id, decision.actor, decision.four_eyes_above))
