"""Pages of operations: lag per destination, hold and release, parked records. In: a form with a reason. Out: pages."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Path, Response

from hub.access import Actor, Role
from hub.access.rules import is_operator
from hub.console.form_parsing import parse_reason
from hub.console.route import PageRoute
from hub.console.visit import CurrentVisit, Redirect, Visit
from hub.errors import InvalidInput, NotFound
from hub.observe.lag import DestinationLag, Lag, LagReader
from hub.operations import controls
from hub.operations.controls import NOTIFIED_CHANNELS
from hub.store import operations
from hub.store.objectives import default_objective
from hub.store.operations import Parked
from schemas.masking import mask_numbers

router = APIRouter(include_in_schema=False, route_class=PageRoute)
MAX_PARKED: Final = 20
MAX_CONTENT_LENGTH: Final = 2000
ParkedId = Annotated[int, Path(ge=1, le=2**63 - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedView:
    """A parked record and the start of its content."""

    record: Parked
    text: str
    is_cut: bool


@dataclass(slots=True)
class SharedLagReader:
    """The lag reader that all pages share; made for the first page that reads the lag."""

    reader: LagReader


@router.get("/console")
async def get_console(here: CurrentVisit) -> Response:
    """Show the lag per destination, most urgent first, and the parked records."""
    require_operator(here)
    lag = await read_lag(here)
    async with here.app.open_pool.acquire() as c:
        parked = await operations.list_parked(c, after=0, state="open", reason=None, most=MAX_PARKED)
    return here.show("operations.html", lag=lag, late=_by_urgency(lag), parked=[_view_parked(each) for each in parked])


@router.get("/console/live")
async def get_live(here: CurrentVisit) -> Response:
    """Show the part of the page that the script refreshes."""
    if here.caller is None or not is_operator(here.caller):
        return Response(status_code=int(HTTPStatus.UNAUTHORIZED))
    lag = await read_lag(here)
    return here.show("live.html", lag=lag, late=_by_urgency(lag))


@router.post("/console/parked/{parked_id}")
async def post_parked(parked_id: ParkedId, here: CurrentVisit) -> Response:
    """Retry or discard a parked record."""
    require_operator(here)
    form = await here.form()
    reason, faults = parse_reason(form, here.words)
    push = {"retry": controls.retry, "discard": controls.discard}.get(form.text("button"))
    if push is None:
        raise NotFound
    if faults:
        raise InvalidInput([], faults[0].says)
    async with here.app.open_pool.acquire() as c, c.transaction():
        await push(c, parked_id, actor_of(here, reason), here.app.settings.operations.four_eyes_above)
    here.notify(*NOTIFIED_CHANNELS)
    return here.go("/console", "retried" if form.text("button") == "retry" else "discarded")


@router.get("/console/parked/{parked_id}")
async def get_parked(parked_id: ParkedId, here: CurrentVisit) -> Response:
    """Redirect a GET of a form's address to the list of parked records."""
    return here.go(f"/console#parked-{parked_id}")


def require_operator(here: Visit) -> None:
    """Require the role of operations; redirect a school's administrator to the schools."""
    if here.user.has(Role.SCHOOL) and not is_operator(here.user):
        raise Redirect("/mandaten")
    here.require(Role.OPERATIONS)


def actor_of(here: Visit, reason: str) -> Actor:
    """Return the visitor as the actor of a change, with the time and the reason."""
    return Actor(caller=here.user, at=here.at.now, reason=reason)


async def read_lag(here: Visit) -> Lag:
    """Read the lag of all destinations; all pages share one reader."""
    async with here.app.open_pool.acquire() as c:
        return await _reader_of(here).read(c, here.at.now)


def _reader_of(here: Visit) -> LagReader:
    state = here.request.app.state
    if not hasattr(state, "console_looks"):
        state.console_looks = SharedLagReader(LagReader(default_objective(here.app.settings)))
    looks: SharedLagReader = state.console_looks
    return looks.reader


def _by_urgency(lag: Lag) -> list[DestinationLag]:
    return sorted(lag.destinations, key=_urgency)


_URGENT: Final = ("refused", "hub", "receiver_down", "receiver_slow", "held", "no_receiver", "back_office", "none")


def _urgency(each: DestinationLag) -> tuple[int, float]:
    oldest = max(each.standing.oldest_undelivered or 0.0, each.standing.oldest_unprocessed or 0.0)
    is_calm = each.cause.value == "none" and not each.standing.dead
    return (len(_URGENT) if is_calm else _URGENT.index(each.cause.value), -oldest)


def _view_parked(record: Parked) -> ParkedView:
    """Return a parked record with the start of its content; numbers that may be a person's are masked."""
    text = mask_numbers((record.bytes or b"").decode(errors="replace"))
    return ParkedView(record=record, text=text[:MAX_CONTENT_LENGTH], is_cut=len(text) > MAX_CONTENT_LENGTH)
