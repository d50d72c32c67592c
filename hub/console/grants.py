"""The page on which a mandate is given. In: a service, a system, dates, routing. Out: it, or all that is wrong."""

from collections.abc import Sequence
from http import HTTPStatus

from fastapi import APIRouter, Response

from hub import administer, register
from hub.console.desk import Visit, VisitHere
from hub.console.forms import Fault, Faults, Form
from hub.console.route import PageRoute
from hub.console.schools import choose_own
from hub.console.wishes import add_found, given_routing, read_wish, refuse_unread
from hub.domain.mandate import Mandate
from hub.domain.school import School
from hub.errors import Conflict, InvalidInput
from hub.register import Wish
from hub.store import register as rows
from hub.store.pool import Connection

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/mandaten/{brin}/nieuw")
async def get_new(brin: str, here: VisitHere, dienst: str = "") -> Response:
    """Ask for the service first, then for the rest."""
    async with here.wired.open_pool.acquire() as c:
        school = await choose_own(here, c, brin)
        form = Form({"service": [dienst], "start": [here.at.today.isoformat()]})
        return await _ask(here, c, school, form)


@router.post("/mandaten/{brin}/nieuw")
async def post_new(brin: str, here: VisitHere) -> Response:
    """Give the mandate, or say everything that is wrong with it."""
    form = await here.form()
    async with here.wired.open_pool.acquire() as c:
        school = await choose_own(here, c, brin)
        wish, faults = read_wish(form, school, here.at.today, here.words)
        made = await _grant(here, c, wish, faults)
        if not isinstance(made, Mandate):
            return await _ask(here, c, school, form, made)
    here.ring("events")
    return here.go(f"/mandaten/{brin}/{made.id}", "granted")


async def _grant(here: Visit, c: Connection, wish: Wish, faults: list[Fault]) -> Mandate | list[Fault]:
    try:
        async with c.transaction():
            made = await administer.grant(c, here.hand, wish)
            refuse_unread(faults)
            return made
    except (InvalidInput, Conflict) as fault:
        return add_found(faults, fault, here.words, [branch for branch, _ in wish.branches])


async def _ask(here: Visit, c: Connection, school: School, form: Form, faults: Sequence[Fault] = ()) -> Response:
    services = await rows.services(c)
    chosen = next((each for each in services if each["code"] == form.text("service")), None)
    status = HTTPStatus.BAD_REQUEST if faults else HTTPStatus.OK
    if chosen is None:
        return here.show("new_service.html", status, school=school, services=services, faults=Faults(faults))
    systems = [each for each in (await rows.systems(c)).values() if chosen["code"] in each.service_codes]
    return here.show(
        "new.html",
        status,
        school=school,
        service=chosen,
        systems=sorted(systems, key=lambda each: each.name.casefold()),
        form=form,
        faults=Faults(faults),
        branches=given_routing(form, school, here.at.today),
        free=await register.available_routing(c, school.brin, here.at.today),
    )
