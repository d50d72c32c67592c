"""`/v1/deliveries`: messages to destinations, and their outcomes. In: filters, reports. Out: deliveries, answers."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from hub.access import Actor, Caller, Role
from hub.access.boards import own_schools
from hub.access.rules import delivery_scope, is_operator, is_receiver, may_read_school, may_see_url
from hub.api.auth import CallerHere, OperationsHere, require
from hub.api.bodies import ReasonRequest
from hub.api.parameters import PagingHere
from hub.api.reports import ReportHandlerHere, ReportRequest, check_report, trace_report
from hub.api.state import ConnectionHere, NotificationsHere, NowHere, SettingsHere, borrow, keyed_work
from hub.domain.delivery import IN_LANE
from hub.envelopes import EnvelopeDefaults, envelope_defaults, forwarded_message
from hub.errors import NotFound
from hub.observe.shown import without_receiver
from hub.operations import controls
from hub.operations.controls import NOTIFIED_CHANNELS
from hub.settings import Settings
from hub.slices import map_in_slices
from hub.store import deliveries as store
from hub.store import ledger, observe
from hub.store.deliveries import DeliveryFilter, DeliveryScope, DeliveryView
from hub.store.delivery_pages import DeliveryWindow, read_page
from hub.store.observe import DestinationView
from hub.store.pool import Connection
from hub.store.traces import within_trace
from hub.views.deliveries import (
    AttemptBody,
    DeliveryBody,
    DeliveryDetailBody,
    DeliveryQuery,
    ReportAnswer,
    ReportBody,
    show_attempts,
    show_delivery,
    show_detail,
    show_report,
    show_reports,
)
from hub.views.models import Items

router = APIRouter(prefix="/deliveries", tags=["deliveries"])
ReceiverHere = Annotated[Caller, Depends(require(Role.LAS, Role.DUO))]


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryContext:
    """What a call on deliveries works with: who sees which deliveries, and how they are shown."""

    c: Connection
    caller: Caller
    settings: Settings
    destinations: list[DestinationView]
    scope: DeliveryScope
    epoch: int

    async def find(self, selected: DeliveryFilter, most: int) -> list[DeliveryView]:
        """List deliveries that the caller may read."""
        return await store.list_deliveries(self.c, selected, self.scope, without_receiver(self.destinations), most)

    async def page(self, selected: DeliveryFilter, most: int) -> DeliveryWindow:
        """List a page of deliveries that the caller may read, among a bounded number of rows."""
        return await read_page(self.c, selected, self.scope, without_receiver(self.destinations), most)

    async def one(self, delivery_id: UUID) -> DeliveryView:
        """Read a delivery; raise `NotFound` for one that the caller may not read."""
        selected = DeliveryFilter(destinations=[each.id for each in self.destinations], ids=[delivery_id])
        found = await self.find(selected, 1)
        if not found:
            raise NotFound(f"no delivery {delivery_id}")
        return found[0]

    def destination(self, view: DeliveryView) -> DestinationView:
        """Find the destination of a delivery."""
        return next(destination for destination in self.destinations if destination.id == view.destination)

    def show(self, view: DeliveryView) -> DeliveryBody:
        """Return a delivery as the caller may see it: only its supplier and operations see the address of a webhook."""
        destination = self.destination(view)
        with_url = may_see_url(self.caller, destination)
        with_words = is_operator(self.caller)
        return show_delivery(view, destination, self.epoch, with_url=with_url, with_words=with_words)

    def envelope_defaults(self) -> EnvelopeDefaults:
        """Return what all messages of this hub have in common."""
        return envelope_defaults(self.settings.oin, self.settings.http.address, self.epoch)


async def open_context(c: ConnectionHere, caller: CallerHere, settings: SettingsHere) -> DeliveryContext:
    """Read what a call on deliveries works with."""
    destinations = await observe.read_destinations(c)
    return DeliveryContext(
        c=c,
        caller=caller,
        settings=settings,
        destinations=destinations,
        scope=delivery_scope(caller, destinations, await own_schools(c, caller)),
        epoch=await ledger.epoch(c),
    )


async def _query(query: Annotated[DeliveryQuery, Query()]) -> DeliveryQuery:
    return query


DeliveryContextHere = Annotated[DeliveryContext, Depends(open_context, scope="function")]
DeliveryQueryHere = Annotated[DeliveryQuery, Depends(_query)]


@router.get("")
async def list_deliveries(
    context: DeliveryContextHere, query: DeliveryQueryHere, paging: PagingHere, now: NowHere
) -> Items[DeliveryBody]:
    """List deliveries that the caller may read, in the order of their lanes.

    A page looks at a bounded number of deliveries: by a filter that matches few of many it may have fewer items than
    `limit`, or none, and still a `next`. Only a page without `next` is the last.
    """
    asked = query.to_filter(context.destinations, paging.after(int, str, int))
    selected = await within_trace(context.c, asked, query.trace_id, now)
    found = await context.page(selected, paging.limit + 1)
    bodies = await map_in_slices(found.rows, context.show)
    shown = {view.id: body for view, body in zip(found.rows, bodies, strict=True)}
    return paging.page(
        found.rows,
        lambda view: (view.destination, view.brin, view.sequence),
        lambda view: shown[view.id],
        found.through,
    )


@router.get("/{delivery_id}")
async def get_delivery(delivery_id: UUID, context: DeliveryContextHere) -> DeliveryDetailBody:
    """Read a delivery with its message and its history."""
    return await _detail(delivery_id, context)


@router.post("/{delivery_id}/reports")
async def post_report(
    delivery_id: UUID,
    body: ReportRequest,
    caller: ReceiverHere,
    settings: SettingsHere,
    reports: ReportHandlerHere,
    request: Request,
) -> ReportAnswer:
    """Report what the receiver did with a delivery; earlier reports on it never make this an error."""
    async with borrow(request) as c:
        target = await store.report_target(c, delivery_id)
    if target is None or not is_receiver(caller, target):
        raise NotFound(f"no delivery {delivery_id}")
    report = check_report(body, target, reports.clock())
    keyed = keyed_work(request.scope)
    began = reports.clock()
    result = await reports.answer(report, None if keyed is None else await keyed.connection())
    status: str = result.status.value
    trace_report(target, status, began, reports.clock())
    if result.status in IN_LANE:
        async with borrow(request) as c:
            context = await open_context(c, caller, settings)
            status = context.show(await context.one(delivery_id)).status
    return show_report(delivery_id, status, result.ignored_because)


@router.post("/{delivery_id}/cancellation")
async def post_delivery_cancellation(
    delivery_id: UUID,
    body: ReasonRequest,
    caller: OperationsHere,
    context: DeliveryContextHere,
    now: NowHere,
    notifications: NotificationsHere,
) -> DeliveryDetailBody:
    """Cancel a waiting delivery; 409 while it is being sent and when its status is final."""
    async with context.c.transaction():
        actor = Actor(caller=caller, at=now, reason=body.reason)
        await controls.cancel(context.c, delivery_id, actor, context.settings.operations.four_eyes_above)
    for channel in NOTIFIED_CHANNELS:
        notifications.notify(channel)
    return await _detail(delivery_id, context)


async def _detail(delivery_id: UUID, context: DeliveryContextHere) -> DeliveryDetailBody:
    view = await context.one(delivery_id)
    row, previous = (await store.read_messages(context.c, [delivery_id]))[0]
    attempts: list[AttemptBody] = show_attempts(
        view,
        await store.attempts(context.c, view),
        with_answers=may_see_url(context.caller, context.destination(view)),
    )
    with_texts = may_read_school(context.caller, view.brin, await own_schools(context.c, context.caller))
    reports: list[ReportBody] = show_reports(view, await store.reports(context.c, view), with_texts=with_texts)
    message = forwarded_message(row, previous, context.envelope_defaults())
    return show_detail(context.show(view), message, attempts, reports, published_at=view.moments.published_at)
