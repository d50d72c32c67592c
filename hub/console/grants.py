"""The page that grants a mandate. In: a service, a system, dates, routing. Out: the mandate, or every error."""

from collections.abc import Sequence
from http import HTTPStatus

from fastapi import APIRouter, Response

from hub import register
from hub.console.form_parsing import merge_errors, parse_grant, parse_routing, refuse
from hub.console.forms import FormData, FormError, FormErrors
from hub.console.route import PageRoute
from hub.console.schools import load_own_school
from hub.console.succession import FilledGrantForm, change_over
from hub.console.templating import dutch_date
from hub.console.visit import CurrentVisit, Visit
from hub.domain.mandate import Mandate
from hub.domain.school import School
from hub.errors import Conflict, InvalidInput, PreconditionFailed
from hub.operations import administration
from hub.register import GrantRequest, PartialGrant
from hub.store import register as rows
from hub.store.pool import Connection

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/mandaten/{brin}/nieuw")
async def get_new(brin: str, here: CurrentVisit, dienst: str = "") -> Response:
    """Show the choice of a service, or the form for the chosen one."""
    async with here.app.open_pool.acquire() as c:
        school = await load_own_school(here, c, brin)
        form = FormData({"service": [dienst], "start": [dutch_date(here.at.today)]})
        return await _show_form(here, c, school, form)


@router.post("/mandaten/{brin}/nieuw")
async def post_new(brin: str, here: CurrentVisit) -> Response:
    """Grant the mandate, show who stops for it, or show the form with every error."""
    form = await here.form()
    async with here.app.open_pool.acquire() as c:
        school = await load_own_school(here, c, brin)
        if form.text("step") == "choose":
            return await _show_form(here, c, school, form)
        request, faults = parse_grant(form, school, here.at.today, here.words)
        answer = await _change_over(here, c, school, form, None if faults else request.complete())
        if isinstance(answer, Response):
            return answer
        made = answer or await _grant(here, c, request, faults)
        if not isinstance(made, Mandate):
            return await _show_form(here, c, school, form, made)
    here.notify("events")
    return here.go(f"/mandaten/{brin}/{made.id}", "granted")


async def _change_over(
    here: Visit, c: Connection, school: School, form: FormData, request: GrantRequest | None
) -> Response | list[FormError] | None:
    """Show the page on which one system follows another, or do it; return what is wrong with the request."""
    if request is None:
        return None
    try:
        return await change_over(here, c, FilledGrantForm(school=school, form=form, request=request))
    except (InvalidInput, Conflict, PreconditionFailed) as fault:
        return merge_errors([], fault, here.words, [branch for branch, _ in request.branches])


async def _grant(
    here: Visit, c: Connection, request: PartialGrant, faults: list[FormError]
) -> Mandate | list[FormError]:
    whole = None if faults else request.complete()
    try:
        async with c.transaction():
            if whole is None:
                refuse(await administration.check_grant(c, here.actor, request))
            return (await administration.grant(c, here.actor, whole)).mandate
    except (InvalidInput, Conflict) as fault:
        return merge_errors(faults, fault, here.words, ["" if each is None else each[0] for each in request.branches])


async def _show_form(
    here: Visit, c: Connection, school: School, form: FormData, faults: Sequence[FormError] = ()
) -> Response:
    services = await rows.services(c)
    chosen = next((each for each in services if each.code == form.text("service")), None)
    status = HTTPStatus.BAD_REQUEST if faults else HTTPStatus.OK
    if chosen is None:
        return here.show("new_service.html", status, school=school, services=services, faults=FormErrors(faults))
    systems = [each for each in (await rows.systems(c)).values() if chosen.code in each.service_codes]
    return here.show(
        "new.html",
        status,
        school=school,
        service=chosen,
        systems=sorted(systems, key=lambda each: (each.name.casefold(), each.code)),
        names=[each.name for each in systems],
        form=form,
        faults=FormErrors(faults),
        branches=parse_routing(form, school, here.at.today),
        free=await register.available_routing(c, school.brin, here.at.today),
    )
