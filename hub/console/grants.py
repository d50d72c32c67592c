"""The page that grants a mandate. In: a service, a system, dates, routing. Out: the mandate, or every error.

A form that is not accepted goes on at `/nieuw`, and at `/nieuw/controle` where another system has the service already.
"""

from collections.abc import Awaitable, Callable, Sequence

from fastapi import APIRouter, Response

from hub import register
from hub.console.form_parsing import merge_errors, parse_grant, parse_routing, refuse
from hub.console.forms import FormData, FormError, FormErrors
from hub.console.kept_forms import KEPT, NotAccepted, accept, attempt, read_kept
from hub.console.route import PageRoute
from hub.console.schools import load_own_school
from hub.console.succession import FilledGrantForm, change_over, find_predecessors, show_succession
from hub.console.templating import dutch_date
from hub.console.visit import CurrentVisit, Redirect, Visit
from hub.domain.rules import PartialGrant
from hub.domain.school import School
from hub.errors import Conflict, InvalidInput, PreconditionFailed
from hub.operations import administration
from hub.store import register as rows
from hub.store.pool import Connection

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/mandaten/{brin}/nieuw")
async def get_new(brin: str, here: CurrentVisit, dienst: str = "") -> Response:
    """Show the choice of a service, or the form for the chosen one; a kept form with its errors."""
    async with here.app.open_pool.acquire() as c:
        school = await load_own_school(here, c, brin)
        kept = await read_kept(here, c)
        if kept is None:
            form = FormData({"service": [dienst], "start": [dutch_date(here.at.today)]})
            return await _show_form(here, c, school, form)
        return await _show_form(here, c, school, kept, await _errors(here, c, school, kept))


@router.get("/mandaten/{brin}/nieuw/controle")
async def get_check(brin: str, here: CurrentVisit) -> Response:
    """Show which system stops for the new one, and who is told."""
    async with here.app.open_pool.acquire() as c:
        school = await load_own_school(here, c, brin)
        kept = await read_kept(here, c)
        if kept is None:
            raise Redirect(f"/mandaten/{brin}/nieuw")
        request, faults = parse_grant(kept, school, here.at.today, here.words)
        whole = None if faults else request.complete()
        filled = None if whole is None else FilledGrantForm(school=school, form=kept, request=whole)
        olds = [] if filled is None else await find_predecessors(here, c, filled.request)
        if filled is None or not olds:
            raise Redirect(f"/mandaten/{brin}/nieuw?{KEPT}={here.request.query_params[KEPT]}")
        try:
            return await show_succession(here, c, filled, olds, await _errors(here, c, school, kept))
        except (InvalidInput, Conflict) as fault:
            return await _show_form(here, c, school, kept, merge_errors([], fault, here.words, _branches(request)))


@router.post("/mandaten/{brin}/nieuw")
async def post_new(brin: str, here: CurrentVisit) -> Response:
    """Grant the mandate, alone or with the end of the one before it."""
    form = await here.form()
    async with here.app.open_pool.acquire() as c:
        school = await load_own_school(here, c, brin)
        return await accept(here, c, form, f"/mandaten/{brin}/nieuw", _act(here, c, school, form))


def _act(here: Visit, c: Connection, school: School, form: FormData) -> Callable[[], Awaitable[str]]:
    """Return what the form asks for: it grants and returns where that leads, or raises what keeps it from that."""

    async def act() -> str:
        request, faults = parse_grant(form, school, here.at.today, here.words)
        whole = None if faults else request.complete()
        if whole is None:
            refuse(await administration.check_grant(c, here.actor, request))
        location = await change_over(here, c, FilledGrantForm(school=school, form=form, request=whole))
        if location is not None:
            return location
        made = (await administration.grant(c, here.actor, whole)).mandate
        return f"/mandaten/{school.brin}/{made.id}?done=granted"

    return act


async def _errors(here: Visit, c: Connection, school: School, form: FormData) -> list[FormError]:
    """Return what is wrong with a form, by trying it."""
    request, faults = parse_grant(form, school, here.at.today, here.words)
    try:
        await attempt(c, _act(here, c, school, form))
    except NotAccepted as goes_on:
        return [] if goes_on.fault is None else merge_errors(faults, goes_on.fault, here.words)
    except (InvalidInput, Conflict, PreconditionFailed) as fault:
        return merge_errors(faults, fault, here.words, _branches(request))
    return []


def _branches(request: PartialGrant) -> list[str]:
    return ["" if each is None else each[0] for each in request.branches]


async def _show_form(
    here: Visit, c: Connection, school: School, form: FormData, faults: Sequence[FormError] = ()
) -> Response:
    services = await rows.services(c)
    chosen = next((each for each in services if each.code == form.text("service")), None)
    if chosen is None:
        shut = {each.code for each in services if not school.has_agreement(each.code)}
        return here.show("new_service.html", school=school, services=services, shut=shut, faults=FormErrors(faults))
    systems = [each for each in (await rows.systems(c)).values() if chosen.code in each.service_codes]
    return here.show(
        "new.html",
        school=school,
        service=chosen,
        has_agreement=school.has_agreement(chosen.code),
        systems=sorted(systems, key=lambda each: (each.name.casefold(), each.code)),
        names=[each.name for each in systems],
        form=form,
        faults=FormErrors(faults),
        branches=parse_routing(form, school, here.at.today),
        free=await register.available_routing(c, school.brin, here.at.today),
    )
