"""The page of one delivery: what happened to it, from the change to the report. In: its id. Out: the page, or an act.

Operators see each attempt with the receiver's own words, the message, its reports and its neighbours in the lane; they
send its current state again, or cancel it while it waits.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Response

from hub.console.form_parsing import parse_reason, refuse
from hub.console.forms import FormData, FormError, FormErrors
from hub.console.kept_forms import accept, find_faults, read_kept
from hub.console.operations import actor_of, require_operator
from hub.console.route import PageRoute
from hub.console.visit import CurrentVisit, Visit
from hub.domain.delivery import IN_LANE
from hub.envelopes import envelope_defaults, forwarded_message
from hub.errors import NotFound
from hub.observe.shown import shown_status, without_receiver
from hub.operations import controls
from hub.operations.controls import NOTIFIED_CHANNELS
from hub.store import deliveries as store
from hub.store import ledger, observe, register, waiting_schools
from hub.store.deliveries import DeliveryFilter, DeliveryScope, DeliveryView
from hub.store.observe import DestinationView
from hub.store.pool import Connection
from hub.views.deliveries import DeliveryBody, show_attempts, show_delivery, show_reports
from hub.views.timeline import TimelineStep, timeline

router = APIRouter(include_in_schema=False, route_class=PageRoute)
EVERYTHING: Final = DeliveryScope(everything=True)
NEIGHBOURS: Final = 4
TRACE_PARTS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPage:
    """What the page of a delivery shows."""

    view: DeliveryView
    body: DeliveryBody
    destination: DestinationView
    services: Mapping[str, str]
    probe_at: datetime | None
    """When a receiver that is not sent to is tried again."""
    school: str
    message: str
    trace_id: str | None
    steps: Sequence[TimelineStep]
    neighbours: Sequence[tuple[DeliveryView, str]]

    @property
    def may_cancel(self) -> bool:
        """Whether it still waits, so that it can be cancelled."""
        return self.view.status in IN_LANE


@router.get("/console/deliveries/{delivery_id:uuid}")
async def get_delivery(delivery_id: UUID, here: CurrentVisit) -> Response:
    """Show a delivery with all that happened to it."""
    require_operator(here)
    async with here.app.open_pool.acquire() as c:
        kept = await read_kept(here, c)
        if kept is None:
            return await _show(here, c, delivery_id, FormData())
        faults = parse_reason(kept, here.words)[1]
        faults = await find_faults(here, c, faults, _cancel(here, c, delivery_id, kept))
        return await _show(here, c, delivery_id, kept, faults)


@router.post("/console/deliveries/{delivery_id:uuid}")
async def post_delivery(delivery_id: UUID, here: CurrentVisit) -> Response:
    """Cancel a delivery that waits."""
    require_operator(here)
    form = await here.form()
    if form.text("button") != "cancel":
        raise NotFound
    async with here.app.open_pool.acquire() as c:
        return await accept(here, c, form, _path(delivery_id), _cancel(here, c, delivery_id, form))


def _path(delivery_id: UUID) -> str:
    return f"/console/deliveries/{delivery_id}"


def _cancel(here: Visit, c: Connection, delivery_id: UUID, form: FormData) -> Callable[[], Awaitable[str]]:
    async def act() -> str:
        reason, faults = parse_reason(form, here.words)
        if faults:
            refuse([])
        await controls.cancel(c, delivery_id, actor_of(here, reason), here.app.settings.operations.four_eyes_above)
        here.notify(*NOTIFIED_CHANNELS)
        return f"{_path(delivery_id)}?done=delivery_cancelled"

    return act


async def _show(
    here: Visit, c: Connection, delivery_id: UUID, form: FormData, faults: Sequence[FormError] = ()
) -> Response:
    status = HTTPStatus.BAD_REQUEST if faults else HTTPStatus.OK
    page = await _read(here, c, delivery_id)
    return here.show("delivery.html", status, page=page, form=form, faults=FormErrors(faults))


async def _read(here: Visit, c: Connection, delivery_id: UUID) -> DeliveryPage:
    destinations = await observe.read_destinations(c)
    held, ids = without_receiver(destinations), [each.id for each in destinations]
    found = await store.list_deliveries(c, DeliveryFilter(destinations=ids, ids=[delivery_id]), EVERYTHING, held, 1)
    if not found:
        raise NotFound(f"no delivery {delivery_id}")
    view = found[0]
    destination = next(each for each in destinations if each.id == view.destination)
    row, previous = (await store.read_messages(c, [delivery_id]))[0]
    epoch = await ledger.epoch(c)
    settings = here.app.settings
    message = forwarded_message(row, previous, envelope_defaults(settings.oin, settings.http.address, epoch))
    attempts = show_attempts(view, await store.attempts(c, view))
    reports = show_reports(view, await store.reports(c, view), with_texts=True)
    return DeliveryPage(
        view=view,
        body=show_delivery(view, destination, epoch, with_url=True, with_words=True),
        destination=destination,
        services={each.code: each.shown_as for each in await register.services(c)},
        probe_at=await _probe_at(c, destination),
        school=await _school(c, view),
        message=orjson.dumps(orjson.loads(message), option=orjson.OPT_INDENT_2).decode(),
        trace_id=trace_of(row.traceparent),
        steps=timeline(view, attempts, reports),
        neighbours=await _neighbours(c, view, destination, held),
    )


async def _probe_at(c: Connection, destination: DestinationView) -> datetime | None:
    """Return when a receiver that is not sent to is tried again; None for one that is sent to."""
    return None if destination.circuit == "closed" else await waiting_schools.next_attempt(c, destination.id)


async def _school(c: Connection, view: DeliveryView) -> str:
    schools = await register.read_schools(c, [view.brin])
    return next((each.name for each in schools.values()), view.brin)


async def _neighbours(
    c: Connection, view: DeliveryView, destination: DestinationView, held: frozenset[int]
) -> list[tuple[DeliveryView, str]]:
    """Return the deliveries just before and after it in its lane, and their status as shown."""
    near = DeliveryFilter(
        destinations=[view.destination], brin=view.brin, after_sequence=max(view.sequence - NEIGHBOURS - 1, 0)
    )
    found = await store.list_deliveries(c, near, EVERYTHING, held, 2 * NEIGHBOURS + 1)
    return [
        (each, shown_status(destination, each.status, each.reason, lane_is_held=each.lane_is_held)[0]) for each in found
    ]


def trace_of(traceparent: str | None) -> str | None:
    """Return the trace id of a `traceparent` header."""
    parts = (traceparent or "").split("-")
    return parts[1] if len(parts) == TRACE_PARTS else None
