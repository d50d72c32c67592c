"""The page of a destination: how it is, since when, who waits for it, and the buttons that apply.

In: its name, a form with a reason. Out: the page, or a hold or a release.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Response

from hub.access.rules import is_operator
from hub.console.form_parsing import parse_reason, refuse
from hub.console.forms import FormData, FormError, FormErrors
from hub.console.kept_forms import accept, attempt, read_kept
from hub.console.lag_stream import open_stream
from hub.console.operations import actor_of, read_lag, require_operator
from hub.console.route import PageRoute
from hub.console.visit import CurrentVisit, Visit
from hub.domain.system import System
from hub.errors import InvalidInput, NotFound
from hub.observe.lag import DestinationLag
from hub.operations import controls
from hub.operations.controls import NOTIFIED_CHANNELS
from hub.store import notices, operations, waiting_schools
from hub.store.notices import Notice
from hub.store.operations import Hold
from hub.store.pool import Connection
from hub.store.register import systems
from hub.store.waiting_schools import FailedAnswer, WaitingSchool
from schemas.identifiers import SystemCode

router = APIRouter(include_in_schema=False, route_class=PageRoute)
SCHOOLS_PER_PAGE: Final = 25
LAST_ANSWERS: Final = 5
MAX_HOLDS: Final = 200
SCHOOL_FORM: Final = "school"
"""What the form that releases one held school calls itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationPage:
    """What the page of a destination shows."""

    lag: DestinationLag
    system: System | None
    notices: Sequence[Notice]
    answers: Sequence[FailedAnswer]
    next_attempt: datetime | None
    waiting: Sequence[WaitingSchool]
    more: str | None
    holds: Sequence[Hold]

    @property
    def own_hold(self) -> Hold | None:
        """The hold of the whole destination."""
        return next((hold for hold in self.holds if not hold.brin), None)

    @property
    def school_holds(self) -> list[Hold]:
        """The schools that are held by themselves."""
        return [hold for hold in self.holds if hold.brin]


@router.get("/console/destinations/{name}")
async def get_destination(name: str, here: CurrentVisit, after: str = "") -> Response:
    """Show a destination and the schools that wait for it, with a form to hold or release."""
    require_operator(here)
    lag = await _find(here, name)
    async with here.app.open_pool.acquire() as c:
        kept = await read_kept(here, c)
        faults = [] if kept is None else await _find_faults(here, c, name, kept)
        status = HTTPStatus.BAD_REQUEST if faults else HTTPStatus.OK
        page, form = await _read(c, lag, after), kept or FormData()
    return here.show("destination.html", status, page=page, form=form, faults=FormErrors(faults), after=after)


@router.get("/console/destinations/{name}/live")
async def get_destination_part(name: str, here: CurrentVisit) -> Response:
    """Show the part of the page that changes by itself, where no stream can be."""
    if here.caller is None or not is_operator(here.caller):
        return Response(status_code=int(HTTPStatus.UNAUTHORIZED))
    return here.show("destination_live.html", page=await _read_now(here, name))


@router.get("/console/destinations/{name}/events/live")
async def get_destination_stream(name: str, here: CurrentVisit) -> Response:
    """Stream the part of the page that changes by itself."""

    async def make(there: Visit) -> str:
        return there.render("destination_live.html", page=await _read_now(there, name))

    return open_stream(here, make)


@router.post("/console/destinations/{name}")
async def post_destination(name: str, here: CurrentVisit) -> Response:
    """Hold or release a destination, or one school of it."""
    require_operator(here)
    form = await here.form()
    async with here.app.open_pool.acquire() as c:
        return await accept(here, c, form, f"/console/destinations/{name}", _press(here, c, name, form))


def _press(here: Visit, c: Connection, name: str, form: FormData) -> Callable[[], Awaitable[str]]:
    button, brin = form.text("button"), form.text("brin").upper()
    push = {"hold": controls.hold, "release": controls.release}.get(button)
    if push is None:
        raise NotFound

    async def act() -> str:
        reason, faults = parse_reason(form, here.words)
        if faults:
            refuse([])
        await push(c, name, [brin] if brin else None, actor_of(here, reason))
        here.notify(*NOTIFIED_CHANNELS)
        return f"/console/destinations/{name}?done={'held' if button == 'hold' else 'released'}"

    return act


async def _find_faults(here: Visit, c: Connection, name: str, form: FormData) -> list[FormError]:
    """Return what is wrong with a kept form, beside the field of the form that was sent."""
    brin = form.text("brin").upper()
    faults = parse_reason(form, here.words)[1]
    if faults and form.text("form") == SCHOOL_FORM:
        return [FormError(f"reason-{brin}", each.says) for each in faults]
    try:
        await attempt(c, _press(here, c, name, form))
    except InvalidInput:
        return faults or [FormError("brin", here.words("no_such_school", brin=brin))]
    return faults


async def _find(here: Visit, name: str) -> DestinationLag:
    for each in (await read_lag(here)).destinations:
        if each.destination.name == name:
            return each
    raise NotFound(f"no destination {name}")


async def _read_now(here: Visit, name: str) -> DestinationPage:
    lag = await _find(here, name)
    async with here.app.open_pool.acquire() as c:
        return await _read(c, lag, "")


async def _read(c: Connection, found: DestinationLag, after: str) -> DestinationPage:
    destination = found.destination
    code = destination.system_code
    schools = await waiting_schools.list_schools(c, destination.id, after, SCHOOLS_PER_PAGE + 1)
    return DestinationPage(
        lag=found,
        system=None if code is None else (await systems(c)).get(SystemCode(code)),
        notices=[] if code is None else await notices.open_of(c, code),
        answers=await waiting_schools.last_answers(c, destination.id, LAST_ANSWERS),
        next_attempt=await waiting_schools.next_attempt(c, destination.id),
        waiting=schools[:SCHOOLS_PER_PAGE],
        more=schools[SCHOOLS_PER_PAGE - 1].brin if len(schools) > SCHOOLS_PER_PAGE else None,
        holds=await operations.list_holds(c, destination.id, MAX_HOLDS),
    )
