"""`/v1/destinations`: where messages go; hold and release them, set objectives. In: reasons. Out: destinations."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from hub.access import Actor
from hub.api.answers import TAGGED
from hub.api.auth import OperationsHere
from hub.api.parameters import IfMatch, check_match, etag
from hub.api.state import ConnectionHere, NotificationsHere, NowHere, PendingNotifications, SettingsHere
from hub.domain.objective import MAX_SECONDS, Objective
from hub.errors import NotFound
from hub.observe.lane_watch import lane_sums_now
from hub.operations import controls, objectives
from hub.operations.controls import NOTIFIED_CHANNELS
from hub.settings import Settings
from hub.store import observe
from hub.store.lane_sums import LaneSums
from hub.store.objectives import default_objective
from hub.store.observe import DestinationView
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


class ObjectiveRequest(RequestModel):
    """An objective: which share is to be taken, and processed, within how many seconds."""

    model_config = example(transportSeconds=60, processingSeconds=172800, share=0.95)

    transport_seconds: Annotated[float, Field(gt=0, le=MAX_SECONDS)]
    processing_seconds: Annotated[float, Field(gt=0, le=MAX_SECONDS)]
    share: Annotated[float, Field(gt=0, lt=1)]


class DestinationPatch(RequestModel):
    """What shall be different of a destination, and why; null gives it the objective of the settings."""

    model_config = example(
        objective={"transportSeconds": 60, "processingSeconds": 86400, "share": 0.99}, reason="agreed with DUO"
    )

    objective: ObjectiveRequest | None
    reason: Reason


@dataclass(frozen=True, slots=True)
class DestinationContext:
    """What calls on one destination need."""

    c: Connection
    settings: Settings
    notifications: PendingNotifications
    now: datetime

    def notify(self) -> None:
        """Notify forwarders when the change is committed."""
        for channel in NOTIFIED_CHANNELS:
            self.notifications.notify(channel)

    async def find(self, name: str) -> DestinationView:
        """Read a destination; raise `NotFound` when there is none."""
        found = next((each for each in await observe.read_destinations(self.c) if each.name == name), None)
        if found is None:
            raise NotFound(f"no destination {name}")
        return found

    async def show(self, name: str, response: Response) -> DestinationBody:
        """Return a destination as it is now, with its ETag."""
        found = await self.find(name)
        response.headers["ETag"] = etag(found.objective_version)
        lanes = (await lane_sums_now(self.c, self.now)).get(found.id, LaneSums())
        return show_destination(found, lanes, default_objective(self.settings))


async def _context(
    c: ConnectionHere, settings: SettingsHere, notifications: NotificationsHere, now: NowHere
) -> DestinationContext:
    return DestinationContext(c, settings, notifications, now)


ContextHere = Annotated[DestinationContext, Depends(_context)]


@router.get("")
async def list_destinations(context: ContextHere, _caller: OperationsHere) -> Items[DestinationBody]:
    """List the destinations: DUO's queues, webhooks of systems, copies."""
    lanes, default = await lane_sums_now(context.c, context.now), default_objective(context.settings)
    found = await observe.read_destinations(context.c)
    return Items(items=[show_destination(each, lanes.get(each.id, LaneSums()), default) for each in found], next=None)


@router.get("/{name}", responses=TAGGED)
async def get_destination(
    name: str, context: ContextHere, _caller: OperationsHere, response: Response
) -> DestinationBody:
    """Read a destination."""
    return await context.show(name, response)


@router.patch("/{name}", responses=TAGGED)
async def patch_destination(
    name: str,
    body: DestinationPatch,
    context: ContextHere,
    caller: OperationsHere,
    response: Response,
    if_match: IfMatch = None,
) -> DestinationBody:
    """Give a destination an objective of its own, or that of the settings."""
    before = await context.find(name)
    check_match(if_match, before.objective_version, required=True)
    given = None if body.objective is None else Objective(**dict(body.objective))
    actor = Actor(caller=caller, at=context.now, reason=body.reason)
    async with context.c.transaction():
        await objectives.set_objective(context.c, name, given, before.objective_version, actor)
    return await context.show(name, response)


@router.post("/{name}/hold")
async def post_hold(
    name: str, body: HoldRequest, context: ContextHere, caller: OperationsHere, response: Response
) -> DestinationBody:
    """Hold a destination, or some schools of it, until it is released."""
    async with context.c.transaction():
        await controls.hold(context.c, name, body.brins, Actor(caller=caller, at=context.now, reason=body.reason))
    context.notify()
    return await context.show(name, response)


@router.post("/{name}/release")
async def post_release(
    name: str, body: HoldRequest, context: ContextHere, caller: OperationsHere, response: Response
) -> DestinationBody:
    """Release a destination, or some schools of it, in order."""
    async with context.c.transaction():
        await controls.release(context.c, name, body.brins, Actor(caller=caller, at=context.now, reason=body.reason))
    context.notify()
    return await context.show(name, response)
