"""`/v1/destinations`: where messages go, and the buttons that hold and release. In: reasons. Out: destinations."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from hub import operate
from hub.api.auth import OperationsHere
from hub.api.models import Items, RequestModel, example
from hub.api.reasons import Reason
from hub.api.status_models import DestinationBody, show_place
from hub.api.wiring import ConnectionHere, NowHere, Rings, RingsHere
from hub.errors import NotFound
from hub.operate import BELLS, Press
from hub.store import observe
from hub.store.observe import LaneSums
from hub.store.pool import Connection
from schemas.identifiers import BrinField

router = APIRouter(prefix="/destinations", tags=["operations"])
MOST_SCHOOLS = 10_000


class HoldWish(RequestModel):
    """Which schools, and why; null for all."""

    model_config = example(brins=["18DS"], reason="DUO begins with one school")

    brins: Annotated[list[BrinField], Field(min_length=1, max_length=MOST_SCHOOLS)] | None = None
    reason: Reason


@router.get("")
async def list_destinations(c: ConnectionHere, _caller: OperationsHere) -> Items[DestinationBody]:
    """List the destinations: DUO's queues, webhooks of systems, copies."""
    lanes = await observe.lane_sums(c)
    places = await observe.places(c)
    return Items(items=[show_place(place, lanes.get(place.id, LaneSums())) for place in places], next=None)


@router.get("/{name}")
async def get_destination(name: str, c: ConnectionHere, _caller: OperationsHere) -> DestinationBody:
    """Read a destination."""
    return await _show(c, name)


@router.post("/{name}/hold")
async def post_hold(
    name: str, body: HoldWish, c: ConnectionHere, caller: OperationsHere, now: NowHere, rings: RingsHere
) -> DestinationBody:
    """Let nothing go there, or nothing of some schools, until it is released."""
    async with c.transaction():
        await operate.hold(c, name, body.brins, Press(actor=caller.subject, at=now, reason=body.reason))
    _ring(rings)
    return await _show(c, name)


@router.post("/{name}/release")
async def post_release(
    name: str, body: HoldWish, c: ConnectionHere, caller: OperationsHere, now: NowHere, rings: RingsHere
) -> DestinationBody:
    """Let it go again, in order."""
    async with c.transaction():
        await operate.release(c, name, body.brins, Press(actor=caller.subject, at=now, reason=body.reason))
    _ring(rings)
    return await _show(c, name)


def _ring(rings: Rings) -> None:
    for channel in BELLS:
        rings.ring(channel)


async def _show(c: Connection, name: str) -> DestinationBody:
    place = next((place for place in await observe.places(c) if place.name == name), None)
    if place is None:
        raise NotFound(f"no destination {name}")
    return show_place(place, (await observe.lane_sums(c)).get(place.id, LaneSums()))
