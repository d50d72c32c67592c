"""`/v1/routing` and the routing of a mandate: by which characteristic a branch's administration is reached."""

from datetime import date
from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from hub import administer, register
from hub.api.answers import ABSENT, ETAG, TAGGED
from hub.api.auth import SchoolHere
from hub.api.mandate_desk import DeskHere
from hub.api.mandate_models import RoutingBody, RoutingWish
from hub.api.models import AskedMoment, CamelModel, Day, Moment
from hub.api.preconditions import IfMatch, etag
from hub.clock import today
from hub.domain.known import Reached
from hub.errors import NotFound
from hub.observe.routing import Question, routing
from hub.sight import sight_by_school, sight_of
from hub.store import mandates
from hub.store.mandates import Wanted, WantedSchools
from schemas.identifiers import BranchField, BrinField, ServiceCodeField

router = APIRouter(tags=["routing"])


class AvailableBody(CamelModel):
    """A routing characteristic that no living mandate of the school uses; nothing is reserved."""

    brin: str
    routing_id: str


class RouteBody(CamelModel):
    """One mandate under which data of a branch may be exchanged, and by which routing characteristic."""

    mandate_id: UUID
    mandate_version: int
    supplier_oin: str
    system_name: str
    routing_id: str | None
    coverage: Literal["branch", "school", "needs_routing"]
    start_date: date
    end_date: date | None


class RoutesBody(CamelModel):
    """How a branch is reached for a service on a day, as it was known at a moment."""

    branch: str
    service_code: str
    reference_date: date
    known_at: Moment
    items: list[RouteBody]


@router.put("/mandates/{mandate_id}/routing/{branch}", responses=TAGGED)
async def put_routing(
    mandate_id: UUID,
    branch: BranchField,
    body: RoutingWish,
    _caller: SchoolHere,
    desk: DeskHere,
    response: Response,
    if_match: IfMatch = None,
) -> RoutingBody:
    """Reach a branch by a routing characteristic; null hands out a free one."""
    async with desk.change():
        before = await desk.own(mandate_id, if_match)
        expected = before.version if if_match else None
        after = await administer.assign_routing(desk.c, desk.hand, before, branch, body.routing_id, expected)
    response.headers["ETag"] = etag(after.version)
    return RoutingBody(branch=branch, routing_id=after.routes[branch], mandate_version=after.version)


@router.delete(
    "/mandates/{mandate_id}/routing/{branch}", status_code=HTTPStatus.NO_CONTENT, responses={204: {"headers": ETAG}}
)
async def delete_routing(
    mandate_id: UUID, branch: BranchField, _caller: SchoolHere, desk: DeskHere, if_match: IfMatch = None
) -> Response:
    """Let a branch be part of the rest of the school again."""
    async with desk.change():
        before = await desk.own(mandate_id, if_match)
        after = await administer.remove_routing(desk.c, desk.hand, before, branch, before.version if if_match else None)
    return Response(status_code=HTTPStatus.NO_CONTENT, headers={"ETag": etag(after.version)})


@router.get("/routing/available", responses=ABSENT)
async def get_available(brin: Annotated[BrinField, Query()], desk: DeskHere) -> AvailableBody:
    """Find the lowest free routing characteristic of a school; a LAS of one that it has or had a mandate of."""
    sight = sight_of(desk.caller)
    is_known = bool(await mandates.list_schools(desk.c, WantedSchools(brin=brin), sight, 1))
    if not is_known and not await mandates.mandate_views(desk.c, Wanted(brin=brin), sight, 1):
        raise NotFound(f"no school {brin}")
    return AvailableBody(brin=brin, routing_id=await register.available_routing(desk.c, brin, desk.at.today))


@router.get("/routing")
async def get_routing(
    desk: DeskHere,
    branch: Annotated[BranchField, Query()],
    service_code: Annotated[ServiceCodeField, Query(alias="serviceCode")],
    reference_date: Annotated[Day | None, Query(alias="referenceDate")] = None,
    known_at: Annotated[AskedMoment | None, Query(alias="knownAt")] = None,
) -> RoutesBody:
    """Say how a branch is reached for a service on a day (today), as it was known at a moment (now).

    A day that is over is answered as it ended, a day to come as it will be if nothing else is decided. What was
    recorded afterwards for a day that had passed counts from the moment on at which it was known.
    """
    known = known_at or desk.at.now
    asked = Question(branch=branch, service_code=service_code, day=reference_date or today(known), known_at=known)
    found = await routing(desk.c, asked, await sight_by_school(desk.c, desk.caller))
    return RoutesBody(
        branch=branch,
        service_code=service_code,
        reference_date=asked.day,
        known_at=known,
        items=[_route(each) for each in found],
    )


def _route(found: Reached) -> RouteBody:
    body = found.body
    return RouteBody(
        mandate_id=body["mandateId"],
        mandate_version=body["mandateVersion"],
        supplier_oin=body["supplierOin"],
        system_name=body["systemName"],
        routing_id=found.routing,
        coverage=found.coverage,
        start_date=body["startDate"],
        end_date=body["endDate"],
    )
