"""The page on which an operator sets the objective of a destination. In: its numbers, a reason. Out: the objective."""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

from fastapi import APIRouter, Response

from hub.console.form_parsing import parse_objective, parse_reason, refuse
from hub.console.forms import FormData, FormError, FormErrors
from hub.console.kept_forms import accept, find_faults, read_kept
from hub.console.operations import actor_of, require_operator
from hub.console.route import PageRoute
from hub.console.templating import form_number
from hub.console.visit import CurrentVisit, Visit
from hub.domain.objective import Objective
from hub.errors import NotFound
from hub.operations import objectives
from hub.store import observe
from hub.store.objectives import default_objective
from hub.store.observe import DestinationView
from hub.store.pool import Connection

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/console/destinations/{name}/objective")
async def get_objective(name: str, here: CurrentVisit) -> Response:
    """Show the form with the objective that a destination has, or one that was not accepted."""
    require_operator(here)
    async with here.app.open_pool.acquire() as c:
        found = await _find(c, name)
        kept = await read_kept(here, c)
        if kept is None:
            return _show(here, found, _filled(here, found.objective or default_objective(here.app.settings)))
        faults = parse_objective(kept, here.words)[1] if kept.text("button") == "set" else []
        faults = await find_faults(here, c, faults + parse_reason(kept, here.words)[1], _set(here, c, name, kept))
        return _show(here, found, kept, faults)


@router.post("/console/destinations/{name}/objective")
async def post_objective(name: str, here: CurrentVisit) -> Response:
    """Give a destination an objective of its own, or that of the settings."""
    require_operator(here)
    form = await here.form()
    async with here.app.open_pool.acquire() as c:
        return await accept(here, c, form, f"/console/destinations/{name}/objective", _set(here, c, name, form))


def _set(here: Visit, c: Connection, name: str, form: FormData) -> Callable[[], Awaitable[str]]:
    async def act() -> str:
        reason, faults = parse_reason(form, here.words)
        wanted, wrong = parse_objective(form, here.words) if form.text("button") == "set" else (None, [])
        if faults or wrong:
            refuse([])
        await objectives.set_objective(c, name, wanted, form.number("version"), actor_of(here, reason))
        return f"/console/destinations/{name}?done=objective_set"

    return act


def _filled(here: Visit, objective: Objective) -> FormData:
    """Return the form as it stands for an objective, in the units of the form: seconds, hours, per cent."""
    numbers = {
        "transport": objective.transport_seconds,
        "processing": objective.processing_seconds / 3600,
        "share": objective.share * 100,
    }
    return FormData({name: [form_number(number, here.language)] for name, number in numbers.items()})


async def _find(c: Connection, name: str) -> DestinationView:
    for each in await observe.read_destinations(c):
        if each.name == name:
            return each
    raise NotFound(f"no destination {name}")


def _show(here: Visit, found: DestinationView, form: FormData, faults: Sequence[FormError] = ()) -> Response:
    return here.show(
        "objective.html",
        HTTPStatus.BAD_REQUEST if faults else HTTPStatus.OK,
        destination=found,
        form=form,
        faults=FormErrors(faults),
        default=default_objective(here.app.settings),
    )
