"""`/v1/mandates`: which system may exchange data for which school. In: requests. Out: mandates, and events."""

from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response

from hub.access import Actor
from hub.access.rules import mandate_scope, may_see_validated_mandate
from hub.api.answers import ETAG, LOCATION, TAGGED
from hub.api.direct_route import DirectRoute
from hub.api.mandate_context import ChangeContextHere, MandateContextHere
from hub.api.mandate_requests import CopiesRequest, MandatePatch, MandateRequest, WithdrawalRequest
from hub.api.parameters import IfMatch, PagingHere, matching
from hub.errors import Conflict, FieldError, NotFound, PreconditionFailed, PreconditionRequired
from hub.operations import administration
from hub.store import mandates
from hub.store.mandates import MandateFilter, MandateScope
from hub.store.pool import Connection
from hub.views.mandates import (
    CopiesBody,
    MandateBody,
    ValidationBody,
    show_copy,
    show_mandate,
)
from hub.views.models import Day, Items
from schemas.identifiers import (
    BrinField,
    OinField,
    SchoolOinField,
    ServiceCodeField,
    SystemCodeField,
    brin_of_school_oin,
)

router = APIRouter(tags=["mandates"], route_class=DirectRoute)
MAX_VALIDATING: Final = 100
"""So many systems of one supplier are looked at for a mandate that the caller may see."""


@router.post("/mandates", status_code=HTTPStatus.CREATED, responses={201: {"headers": LOCATION | ETAG}})
async def post_mandate(body: MandateRequest, context: ChangeContextHere, response: Response) -> MandateBody:
    """Grant a mandate."""
    today = context.at.today
    if body.faults:
        async with context.change() as c:
            partial = body.to_partial_grant(today)
            raise body.refusal(await administration.check_grant(c, context.actor, partial))
    made = await context.make(administration.prepare_grant(context.actor, body.to_grant_request(today)))
    response.headers["Location"] = f"/v1/mandates/{made.mandate.id}"
    return context.show(made, response)


@router.get("/mandates")
async def list_mandates(  # noqa: PLR0913, PLR0917 - one parameter per filter
    context: MandateContextHere,
    paging: PagingHere,
    school_oin: Annotated[SchoolOinField | None, Query(alias="schoolOin")] = None,
    brin: Annotated[BrinField | None, Query()] = None,
    service_code: Annotated[ServiceCodeField | None, Query(alias="serviceCode")] = None,
    supplier_oin: Annotated[OinField | None, Query(alias="supplierOin")] = None,
    system_code: Annotated[SystemCodeField | None, Query(alias="systemCode")] = None,
    reference_date: Annotated[Day | None, Query(alias="referenceDate")] = None,
) -> Items[MandateBody]:
    """List mandates that the caller may read; with `referenceDate` those in force on that day."""
    if school_oin is not None and brin not in (None, brin_of_school_oin(school_oin)):
        return Items(items=[], next=None)
    after = paging.after_id()
    selected = MandateFilter(
        brin=brin if school_oin is None else brin_of_school_oin(school_oin),
        service_code=service_code,
        supplier_oin=supplier_oin,
        system_code=system_code,
        reference_date=reference_date,
        after=after,
    )
    found = await mandates.mandate_views(context.c, selected, mandate_scope(context.caller), paging.limit + 1)
    return paging.page(found, lambda view: (str(view.mandate.id),), lambda view: show_mandate(view, context.at.today))


@router.get("/mandates/{mandate_id}", responses=TAGGED)
async def get_mandate(mandate_id: UUID, context: MandateContextHere, response: Response) -> MandateBody:
    """Read a mandate."""
    return await context.answer(mandate_id, response)


@router.patch("/mandates/{mandate_id}", responses=TAGGED)
async def patch_mandate(
    mandate_id: UUID,
    body: MandatePatch,
    context: ChangeContextHere,
    response: Response,
    if_match: IfMatch = None,
) -> MandateBody:
    """Change the end date of a mandate, or its start date while that lies in the future."""
    if body.faults:
        async with context.change() as c:
            raise body.refusal(await _check_rest(c, context.actor, mandate_id, body.readable, if_match))
    expected, change = matching(if_match, required=True), body.to_date_change()
    after = await context.make(administration.prepare_amendment(context.actor, mandate_id, change, expected))
    return context.show(after, response)


async def _check_rest(
    c: Connection, actor: Actor, mandate_id: UUID, patch: MandatePatch, if_match: str | None
) -> list[FieldError]:
    """Return what is wrong with the readable rest of a patch; nothing where the mandate cannot be changed."""
    try:
        change, expected = patch.to_date_change(), matching(if_match, required=True)
        return await administration.check_amendment(c, actor, mandate_id, change, expected)
    except (NotFound, Conflict, PreconditionFailed, PreconditionRequired):
        return []


@router.post("/mandates/{mandate_id}/withdrawal", responses=TAGGED)
async def post_withdrawal(
    mandate_id: UUID,
    context: ChangeContextHere,
    response: Response,
    body: WithdrawalRequest | None = None,
    if_match: IfMatch = None,
) -> MandateBody:
    """Withdraw a mandate at once."""
    reason, expected = body.reason if body else None, matching(if_match)
    gone = await context.make(administration.prepare_withdrawal(context.actor, mandate_id, reason, expected))
    return context.show(gone, response)


@router.post("/mandates/{mandate_id}/copies")
async def post_copies(
    mandate_id: UUID, body: CopiesRequest, context: ChangeContextHere, if_match: IfMatch = None
) -> CopiesBody:
    """Grant the same mandate for other schools of the caller, as far as they have the same system or none yet."""
    async with context.change() as c:
        before = await context.own(c, mandate_id, if_match)
        results = await administration.copy(c, context.actor, before, body.brins, dry_run=body.dry_run)
    return CopiesBody(dry_run=body.dry_run, results=[show_copy(each, dry_run=body.dry_run) for each in results])


@router.get("/mandate-validations")
async def validate(
    context: MandateContextHere,
    school_oin: Annotated[SchoolOinField, Query(alias="schoolOin")],
    supplier_oin: Annotated[OinField, Query(alias="supplierOin")],
    service_code: Annotated[ServiceCodeField, Query(alias="serviceCode")],
    reference_date: Annotated[Day | None, Query(alias="referenceDate")] = None,
) -> ValidationBody:
    """Return whether a supplier is mandated for a school and a service on a day; any caller may ask."""
    selected = MandateFilter(
        brin=brin_of_school_oin(school_oin),
        service_code=service_code,
        supplier_oin=supplier_oin,
        reference_date=reference_date or context.at.today,
    )
    found = await mandates.mandate_views(context.c, selected, MandateScope(everything=True), MAX_VALIDATING)
    own = next((view for view in found if may_see_validated_mandate(context.caller, view)), None)
    return ValidationBody(
        result="OK" if found else "NOK", mandate=None if own is None else show_mandate(own, context.at.today)
    )
