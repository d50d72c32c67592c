"""The pages on which branches get routing characteristics: one at a time, or divided among systems where in doubt."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Response

from hub import administer, register
from hub.console.desk import Visit, VisitHere
from hub.console.forms import Fault, Faults, Form
from hub.console.mandates import Opened, open_mandate
from hub.console.route import PageRoute
from hub.console.school_view import ServiceView, view_school
from hub.console.schools import MOST_MANDATES, choose_own
from hub.console.wishes import add_found
from hub.domain.school import Location, School
from hub.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from hub.observe.status import school_status
from hub.store import mandates
from hub.store import register as rows
from hub.store.mandates import Wanted
from hub.store.pool import Connection
from schemas.identifiers import Branch, RoutingId

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/mandaten/{brin}/{mandate_id:uuid}/vestiging/{branch}")
async def get_branch(brin: str, mandate_id: UUID, branch: str, here: VisitHere) -> Response:
    """Ask which routing characteristic a branch shall have."""
    async with here.wired.open_pool.acquire() as c:
        opened = await open_mandate(here, c, brin, mandate_id, own=True)
        current = opened.view.mandate.routes.get(Branch(branch))
        form = Form({"how": ["own" if current else "none"], "own": [current or ""]})
        return await _ask(here, c, opened, branch, form)


@router.post("/mandaten/{brin}/{mandate_id:uuid}/vestiging/{branch}")
async def post_branch(brin: str, mandate_id: UUID, branch: str, here: VisitHere) -> Response:
    """Give a branch a routing characteristic, or take it away."""
    form = await here.form()
    async with here.wired.open_pool.acquire() as c:
        opened = await open_mandate(here, c, brin, mandate_id, own=True)
        faults = _unread(here, form)
        if faults:
            return await _ask(here, c, opened, branch, form, faults)
        try:
            async with c.transaction():
                await _route(here, c, opened, Branch(branch), form)
        except (InvalidInput, Conflict, PreconditionFailed) as fault:
            return await _ask(here, c, opened, branch, form, add_found([], fault, here.words))
    here.ring("events")
    return here.go(opened.path, "routed")


def _unread(here: Visit, form: Form) -> list[Fault]:
    match form.text("how"):
        case "none" | "free":
            return []
        case "own":
            return [] if form.text("own") else [Fault("own", here.words("own_missing"))]
        case _:
            return [Fault("how", here.words("choose_one"))]


async def _route(here: Visit, c: Connection, opened: Opened, branch: Branch, form: Form) -> None:
    mandate, version = opened.view.mandate, form.number("version")
    if form.text("how") != "none":
        routing = RoutingId(form.text("own")) if form.text("how") == "own" else None
        await administer.assign_routing(c, here.hand, mandate, branch, routing, version)
    elif branch in mandate.routes:
        await administer.remove_routing(c, here.hand, mandate, branch, version)


async def _ask(
    here: Visit, c: Connection, opened: Opened, branch: str, form: Form, faults: Sequence[Fault] = ()
) -> Response:
    return here.show(
        "branch.html",
        HTTPStatus.BAD_REQUEST if faults else HTTPStatus.OK,
        opened=opened,
        place=_place(opened.chosen.school, branch),
        form=form,
        faults=Faults(faults),
        free=await register.available_routing(c, opened.chosen.school.brin, here.at.today),
    )


def _place(school: School, branch: str) -> Location:
    place = next((place for place in school.locations if place.branch == branch), None)
    if place is None:
        msg = f"school {school.brin} has no branch {branch}"
        raise NotFound(msg)
    return place


@router.get("/mandaten/{brin}/verdelen/{service_code}")
async def get_division(brin: str, service_code: str, here: VisitHere) -> Response:
    """Ask for each branch in doubt which system it uses."""
    async with here.wired.open_pool.acquire() as c:
        school = await choose_own(here, c, brin)
        return await _ask_division(here, c, school, service_code, Form())


@router.post("/mandaten/{brin}/verdelen/{service_code}")
async def post_division(brin: str, service_code: str, here: VisitHere) -> Response:
    """Give each branch that was chosen for a free routing characteristic with its system."""
    form = await here.form()
    async with here.wired.open_pool.acquire() as c:
        school = await choose_own(here, c, brin)
        service = await _service(here, c, school, service_code)
        choices = _choices(form, service)
        if not choices:
            faults = [Fault("", here.words("divide_nothing"))]
            return await _ask_division(here, c, school, service_code, form, faults)
        versions = {card.mandate.id: form.number(f"version.{card.mandate.id}") for card in service.live}
        try:
            async with c.transaction():
                await administer.divide(c, here.hand, choices, versions)
        except (InvalidInput, Conflict, PreconditionFailed) as fault:
            found = add_found([], fault, here.words)
            return await _ask_division(here, c, school, service_code, form, found)
    here.ring("events")
    return here.go(f"/mandaten/{brin}", "divided")


def _choices(form: Form, service: ServiceView) -> Mapping[Branch, UUID]:
    living = {str(card.mandate.id): card.mandate.id for card in service.live}
    chosen = {Branch(branch): living.get(form.text(f"for.{branch}")) for branch, _ in service.in_doubt}
    return {branch: mandate_id for branch, mandate_id in chosen.items() if mandate_id is not None}


async def _service(here: Visit, c: Connection, school: School, service_code: str) -> ServiceView:
    views = await mandates.mandate_views(c, Wanted(brin=school.brin), here.sight, MOST_MANDATES)
    status = await school_status(c, school.brin, here.at.now, here.at.today)
    shown = view_school(status, views, await rows.services(c), here.at.today) if status else []
    found = next((service for service in shown if service.code == service_code), None)
    if found is None:
        msg = f"no service {service_code}"
        raise NotFound(msg)
    return found


async def _ask_division(
    here: Visit, c: Connection, school: School, service_code: str, form: Form, faults: Sequence[Fault] = ()
) -> Response:
    service = await _service(here, c, school, service_code)
    status = HTTPStatus.BAD_REQUEST if faults else HTTPStatus.OK
    return here.show("divide.html", status, school=school, service=service, form=form, faults=Faults(faults))
