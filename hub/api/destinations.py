"""`/v1/destinations`: where messages go; hold and release them. In: reasons. Out: destinations."""

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
from hub.views.few_errors import FewErrors
from hub.views.models import Items, Reason, RequestModel, example
from hub.views.status import DestinationBody, show_destination
from schemas.identifiers import BrinField

router = APIRouter(prefix="/destinations", tags=["operations"])
MAX_SCHOOLS = 10_000


class HoldRequest(RequestModel):
    """Which schools to hold or release, and why; null for all."""

    model_config = example(brins=["18DS"], reason="DUO begins with one school")

    brins: Annotated[list[BrinField], Field(min_length=1, max_length=MAX_SCHOOLS), FewErrors()] | None = None
    reason: Reason


@router.get("")
async def list_destinations(c: ConnectionHere, _caller: OperationsHere) -> Items[DestinationBody]:
    """List the destinations: DUO's queues, webhooks of systems, copies."""
    lanes = await observe.lane_sums(c)
    destinations = await observe.read_destinations(c)
    return Items(
        items=[show_destination(destination, lanes.get(destination.id, LaneSums())) for destination in destinations],
        next=None,
    )


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
    """Hold a destination, or some schools of it, until it is released."""
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
    """Release a destination, or some schools of it, in order."""
    async with c.transaction():
        await controls.release(c, name, body.brins, Actor(caller=caller, at=now, reason=body.reason))
    _notify(notifications)
    return await _show(c, name)


def _notify(notifications: PendingNotifications) -> None:
    for channel in NOTIFIED_CHANNELS:
        notifications.notify(channel)


async def _show(c: Connection, name: str) -> DestinationBody:
    destination = next(
        (destination for destination in await observe.read_destinations(c) if destination.name == name), None
    )
    if destination is None:
        raise NotFound(f"no destination {name}")
    return show_destination(destination, (await observe.lane_sums(c)).get(destination.id, LaneSums()))
