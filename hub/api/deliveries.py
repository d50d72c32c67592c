"""`/v1/deliveries`: what was told to whom, and what became of it. In: filters, reports. Out: deliveries, answers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from hub import operate
from hub.api.auth import OperationsHere, require
from hub.api.delivery_desk import DeskHere, FiltersHere, open_desk
from hub.api.delivery_models import (
    AttemptBody,
    DeliveryBody,
    KeptReportBody,
    ReasonWish,
    ReportAnswer,
    ReportWish,
    WholeDeliveryBody,
    show_attempts,
    show_report,
    show_reports,
    show_whole,
)
from hub.api.models import Items
from hub.api.paging import PagingHere
from hub.api.reach import is_receiver, may_read_school
from hub.api.report_desk import ReportDeskHere, read_wish
from hub.api.wiring import NowHere, RingsHere, SettingsHere, borrow
from hub.domain.delivery import IN_LANE
from hub.envelopes import forwarded
from hub.errors import NotFound
from hub.operate import BELLS, Press
from hub.store import deliveries as store
from hub.tokens import Caller, Role

router = APIRouter(prefix="/deliveries", tags=["deliveries"])
ReceiverHere = Annotated[Caller, Depends(require(Role.LAS, Role.DUO))]


@router.get("")
async def list_deliveries(desk: DeskHere, filters: FiltersHere, paging: PagingHere) -> Items[DeliveryBody]:
    """List deliveries that the caller may read, in the order of their lanes."""
    wanted = filters.to_wanted(desk.places, paging.after(int, str, int))
    found = await desk.find(wanted, paging.limit + 1)
    return paging.page(found, lambda view: (view.destination, view.brin, view.sequence), desk.show)


@router.get("/{delivery_id}")
async def get_delivery(delivery_id: UUID, desk: DeskHere) -> WholeDeliveryBody:
    """Read a delivery with its message and its history."""
    return await _whole(delivery_id, desk)


@router.post("/{delivery_id}/reports")
async def post_report(
    delivery_id: UUID,
    body: ReportWish,
    caller: ReceiverHere,
    settings: SettingsHere,
    reports: ReportDeskHere,
    request: Request,
) -> ReportAnswer:
    """Report what the receiver did with a delivery; never an error because of what was reported before."""
    async with borrow(request) as c:
        target = await store.report_target(c, delivery_id)
    if target is None or not is_receiver(caller, target.kind, target.supplier_oin):
        raise NotFound(f"no delivery {delivery_id}")
    wish = read_wish(body, target, reports.clock())
    result = await reports.answer(wish, request.scope.get("hub.connection"))
    status: str = result.status.value
    if result.status in IN_LANE:
        async with borrow(request) as c:
            desk = await open_desk(c, caller, settings)
            status = desk.show(await desk.one(delivery_id)).status
    return show_report(delivery_id, status, result.ignored_because)


@router.post("/{delivery_id}/cancellation")
async def post_cancellation(
    delivery_id: UUID, body: ReasonWish, caller: OperationsHere, desk: DeskHere, now: NowHere, rings: RingsHere
) -> WholeDeliveryBody:
    """Cancel a delivery that waits; 409 while it is on its way and when it has come to its end."""
    async with desk.c.transaction():
        await operate.cancel(desk.c, delivery_id, Press(actor=caller.subject, at=now, reason=body.reason))
    for channel in BELLS:
        rings.ring(channel)
    return await _whole(delivery_id, desk)


async def _whole(delivery_id: UUID, desk: DeskHere) -> WholeDeliveryBody:
    view = await desk.one(delivery_id)
    row, previous = (await store.read_messages(desk.c, [delivery_id]))[0]
    attempts: list[AttemptBody] = show_attempts(view, await store.attempts(desk.c, view))
    with_texts = await may_read_school(desk.c, desk.caller, view.brin)
    reports: list[KeptReportBody] = show_reports(view, await store.reports(desk.c, view), with_texts=with_texts)
    return show_whole(desk.show(view), forwarded(row, previous, desk.letterhead()), attempts, reports)
