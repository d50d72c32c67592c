"""`/v1/destinations`: where messages go, and the buttons that hold and release. In: reasons. Out: destinations."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from hub.access import Actor
from hub.api.auth import OperationsHere
from hub.api.state import ConnectionHere, NotificationsHere, NowHere, PendingNotifications
from hub.errors import NotFound
from hub.operations import controls
from hub.operations.controls import NOTIFIED_CHANNELS
from hub.store import observe
from hub.store.observe import LaneSums
from hub.store.pool import Connection
from hub.views.models import Items, Reason, RequestModel, example
from hub.views.status import DestinationBody, show_destination
from schemas.identifiers import BrinField

router = APIRouter(prefix="/destinations", tags=["operations"])
MOST_SCHOOLS = 10_000


class HoldRequest(RequestModel):
    """Which schools, and why; null for all."""

    model_config = example(brins=["18DS"], reason="DUO begins with one school")

    brins: Annotated[list[BrinField], Field(min_length=1, max_length=MOST_SCHOOLS)] | None = None
    reason: Reason


@router.get("")
async def list_destinations(c: ConnectionHere, _caller: OperationsHere) -> Items[DestinationBody]:
    """List the destinations: DUO's queues, webhooks of systems, copies."""
    lanes = await observe.lane_sums(c)
    places = await observe.read_destinations(c)
    return Items(items=[show_destination(place, lanes.get(place.id, LaneSums())) for place in places], next=None)


@router.get("/{name}")
async def get_destination(name: str, c: ConnectionHere, _caller: OperationsHere) -> DestinationBody:
    """Read a destination."""
    return await _show(c, name)


@router.post("/{name}/hold")
async def post_hold(
    name: str,
    body: HoldRequest,
    c: ConnectionHere,
    caller: OperationsHere,
    now: NowHere,
    notifications: NotificationsHere,
) -> DestinationBody:
    """Let nothing go there, or nothing of some schools, until it is released."""
    async with c.transaction():
        await controls.hold(c, name, body.brins, Actor(caller=caller, at=now, reason=body.reason))
    _notify(notifications)
    return await _show(c, name)


@router.post("/{name}/release")
async def post_release(
    name: str,
    body: HoldRequest,
    c: ConnectionHere,
    caller: OperationsHere,
    now: NowHere,
    notifications: NotificationsHere,
) -> DestinationBody:
    """Let it go again, in order."""
    async with c.transaction():
        await controls.release(c, name, body.brins, Actor(caller=caller, at=now, reason=body.reason))
    _notify(notifications)
    return await _show(c, name)


def _notify(notifications: PendingNotifications) -> None:
    for channel in NOTIFIED_CHANNELS:
        notifications.notify(channel)


async def _show(c: Connection, name: str) -> DestinationBody:
    place = next((place for place in await observe.read_destinations(c) if place.name == name), None)
    if place is None:
        raise NotFound(f"no destination {name}")
    return show_destination(place, (await observe.lane_sums(c)).get(place.id, LaneSums()))
