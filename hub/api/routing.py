"""`/v1/routing` and the routing of a mandate: the characteristic by which a branch's administration is reached."""

from datetime import date
from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from hub import register
from hub.access.boards import own_schools
from hub.access.rules import mandate_scope, mandate_scope_by_school
from hub.api.answers import ABSENT, ETAG, TAGGED
from hub.api.direct_route import DirectRoute
from hub.api.mandate_context import ChangeContextHere, MandateContextHere
from hub.api.mandate_requests import RoutingRequest
from hub.api.parameters import IfMatch, etag, matching
from hub.clock import today
from hub.domain.as_of import ReachingMandate
from hub.errors import NotFound
from hub.observe.routing import RoutingQuery, find_routing
from hub.operations import administration
from hub.store import mandates
from hub.store.mandates import MandateFilter, SchoolFilter
from hub.views.mandates import RoutingBody
from hub.views.models import CamelModel, Day, Moment, RequestMoment
from schemas.identifiers import BranchField, BrinField, ServiceCodeField

router = APIRouter(tags=["routing"], route_class=DirectRoute)


class AvailableBody(CamelModel):
    """A routing characteristic that no living mandate of the school uses; nothing is reserved."""

    brin: str
    routing_id: str


class RouteBody(CamelModel):
    """One mandate under which data of a branch may be exchanged, and by which routing characteristic."""

    mandate_id: UUID
    mandate_version: int
    supplier_oin: str
    system_code: str
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
    body: RoutingRequest,
    context: ChangeContextHere,
    response: Response,
    if_match: IfMatch = None,
) -> RoutingBody:
    """Assign a routing characteristic to a branch; null assigns a free one."""
    expected, routing = matching(if_match), body.routing_id
    change = administration.prepare_routing(context.actor, mandate_id, branch, routing, expected)
    after = (await context.make(change)).mandate
    response.headers["ETag"] = etag(after.version)
    return RoutingBody(branch=branch, routing_id=after.routes[branch], mandate_version=after.version)


@router.delete(
    "/mandates/{mandate_id}/routing/{branch}", status_code=HTTPStatus.NO_CONTENT, responses={204: {"headers": ETAG}}
)
async def delete_routing(
    mandate_id: UUID, branch: BranchField, context: ChangeContextHere, if_match: IfMatch = None
) -> Response:
    """Remove the routing characteristic of a branch, which makes it part of the rest of the school again."""
    expected = matching(if_match)
    change = administration.prepare_routing_removal(context.actor, mandate_id, branch, expected)
    after = await context.make(change)
    return Response(status_code=HTTPStatus.NO_CONTENT, headers={"ETag": etag(after.mandate.version)})


@router.get("/routing/available", responses=ABSENT)
async def get_available(brin: Annotated[BrinField, Query()], context: MandateContextHere) -> AvailableBody:
    """Find the lowest free routing characteristic of a school; a LAS of one that it has or had a mandate of."""
    scope = mandate_scope(context.caller)
    is_known = bool(await mandates.list_schools(context.c, SchoolFilter(brin=brin), scope, 1))
    if not is_known and not await mandates.mandate_views(context.c, MandateFilter(brin=brin), scope, 1):
        raise NotFound(f"no school {brin}")
    return AvailableBody(brin=brin, routing_id=await register.available_routing(context.c, brin, context.at.today))


@router.get("/routing")
async def get_routing(
    context: MandateContextHere,
    branch: Annotated[BranchField, Query()],
    service_code: Annotated[ServiceCodeField, Query(alias="serviceCode")],
    reference_date: Annotated[Day | None, Query(alias="referenceDate")] = None,
    known_at: Annotated[RequestMoment | None, Query(alias="knownAt")] = None,
) -> RoutesBody:
    """Return the routing of a branch for a service on a day (today), as it was known at a moment (now).

    A day that is over is answered as it ended, a day to come as it will be if nothing else is decided. What was
    recorded afterwards for a day that had passed counts from the moment on at which it was known.
    """
    known = known_at or context.at.now
    asked = RoutingQuery(branch=branch, service_code=service_code, day=reference_date or today(known), known_at=known)
    scope = mandate_scope_by_school(context.caller, await own_schools(context.c, context.caller))
    found = await find_routing(context.c, asked, scope)
    return RoutesBody(
        branch=branch,
        service_code=service_code,
        reference_date=asked.day,
        known_at=known,
        items=[_route(each) for each in found],
    )


def _route(found: ReachingMandate) -> RouteBody:
    body = found.body
    return RouteBody(
        mandate_id=body["mandateId"],
        mandate_version=body["mandateVersion"],
        supplier_oin=body["supplierOin"],
        system_code=body.get("systemCode") or body["supplierOin"],
        system_name=body["systemName"],
        routing_id=found.routing,
        coverage=found.coverage,
        start_date=body["startDate"],
        end_date=body["endDate"],
    )
