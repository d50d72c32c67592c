"""`/v1/deliveries`: what was told to whom, and what became of it. In: filters, reports. Out: deliveries, answers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from hub.access import Actor, Caller, Role
from hub.access.boards import own_schools
from hub.access.rules import is_receiver, may_read_school
from hub.api.auth import OperationsHere, require
from hub.api.delivery_context import DeliveryContextHere, DeliveryQueryHere, open_context
from hub.api.paging import PagingHere
from hub.api.report_context import ReportHandlerHere, check_report
from hub.api.state import NotificationsHere, NowHere, SettingsHere, borrow
from hub.domain.delivery import IN_LANE
from hub.envelopes import forwarded_message
from hub.errors import NotFound
from hub.operations import controls
from hub.operations.controls import NOTIFIED_CHANNELS
from hub.store import deliveries as store
from hub.views.deliveries import (
    AttemptBody,
    DeliveryBody,
    DeliveryDetailBody,
    ReasonRequest,
    ReportAnswer,
    ReportBody,
    ReportRequest,
    show_attempts,
    show_detail,
    show_report,
    show_reports,
)
from hub.views.models import Items

router = APIRouter(prefix="/deliveries", tags=["deliveries"])
ReceiverHere = Annotated[Caller, Depends(require(Role.LAS, Role.DUO))]


@router.get("")
async def list_deliveries(
    context: DeliveryContextHere, filters: DeliveryQueryHere, paging: PagingHere
) -> Items[DeliveryBody]:
    """List deliveries that the caller may read, in the order of their lanes."""
    wanted = filters.to_wanted(context.places, paging.after(int, str, int))
    found = await context.find(wanted, paging.limit + 1)
    return paging.page(found, lambda view: (view.destination, view.brin, view.sequence), context.show)


@router.get("/{delivery_id}")
async def get_delivery(delivery_id: UUID, context: DeliveryContextHere) -> DeliveryDetailBody:
    """Read a delivery with its message and its history."""
    return await _whole(delivery_id, context)


@router.post("/{delivery_id}/reports")
async def post_report(
    delivery_id: UUID,
    body: ReportRequest,
    caller: ReceiverHere,
    settings: SettingsHere,
    reports: ReportHandlerHere,
    request: Request,
) -> ReportAnswer:
    """Report what the receiver did with a delivery; never an error because of what was reported before."""
    async with borrow(request) as c:
        target = await store.report_target(c, delivery_id)
    if target is None or not is_receiver(caller, target.kind, target.supplier_oin):
        raise NotFound(f"no delivery {delivery_id}")
    wish = check_report(body, target, reports.clock())
    result = await reports.answer(wish, request.scope.get("hub.connection"))
    status: str = result.status.value
    if result.status in IN_LANE:
        async with borrow(request) as c:
            context = await open_context(c, caller, settings)
            status = context.show(await context.one(delivery_id)).status
    return show_report(delivery_id, status, result.ignored_because)


@router.post("/{delivery_id}/cancellation")
async def post_cancellation(
    delivery_id: UUID,
    body: ReasonRequest,
    caller: OperationsHere,
    context: DeliveryContextHere,
    now: NowHere,
    notifications: NotificationsHere,
) -> DeliveryDetailBody:
    """Cancel a delivery that waits; 409 while it is on its way and when it has come to its end."""
    async with context.c.transaction():
        await controls.cancel(context.c, delivery_id, Actor(caller=caller, at=now, reason=body.reason))
    for channel in NOTIFIED_CHANNELS:
        notifications.notify(channel)
    return await _whole(delivery_id, context)


async def _whole(delivery_id: UUID, context: DeliveryContextHere) -> DeliveryDetailBody:
    view = await context.one(delivery_id)
    row, previous = (await store.read_messages(context.c, [delivery_id]))[0]
    attempts: list[AttemptBody] = show_attempts(view, await store.attempts(context.c, view))
    with_texts = may_read_school(context.caller, view.brin, await own_schools(context.c, context.caller))
    reports: list[ReportBody] = show_reports(view, await store.reports(context.c, view), with_texts=with_texts)
    return show_detail(context.show(view), forwarded_message(row, previous, context.letterhead()), attempts, reports)
