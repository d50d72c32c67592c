"""Pages that divide a service's branches between its systems. In: a system per branch. Out: a preview, or routing."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Response

from hub import register
from hub.console.form_parsing import merge_errors, refuse
from hub.console.forms import FormData, FormError, FormErrors
from hub.console.kept_forms import KEPT, NotAccepted, accept, attempt, read_kept
from hub.console.previews import show_preview
from hub.console.route import PageRoute
from hub.console.school_view import ServiceView, view_school
from hub.console.schools import MAX_MANDATES, load_own_school
from hub.console.visit import CurrentVisit, Redirect, Visit
from hub.domain.school import School
from hub.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from hub.observe.status import school_status
from hub.operations import administration
from hub.store import mandates
from hub.store import register as rows
from hub.store.mandates import MandateFilter
from hub.store.pool import Connection
from schemas.identifiers import Branch

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/mandaten/{brin}/verdelen/{service_code}")
async def get_division(brin: str, service_code: str, here: CurrentVisit) -> Response:
    """Show the form that asks which system each branch without routing uses."""
    async with here.app.open_pool.acquire() as c:
        school = await load_own_school(here, c, brin)
        service = await _service(here, c, school, service_code)
        kept = await read_kept(here, c)
        if kept is None:
            return _show_division(here, school, service, FormData())
        return _show_division(here, school, service, kept, await _division_errors(here, c, school, service, kept))


@router.get("/mandaten/{brin}/verdelen/{service_code}/controle")
async def get_division_check(brin: str, service_code: str, here: CurrentVisit) -> Response:
    """Show who would be told what."""
    async with here.app.open_pool.acquire() as c:
        school = await load_own_school(here, c, brin)
        service = await _service(here, c, school, service_code)
        kept = await read_kept(here, c)
        choices = {} if kept is None else _choices(kept, service)
        if kept is None or await _division_errors(here, c, school, service, kept):
            raise Redirect(_division_path(school, service, here.request.query_params.get(KEPT, "")))
        return await _show_division_preview(here, c, school, service, choices)


@router.post("/mandaten/{brin}/verdelen/{service_code}")
async def post_division(brin: str, service_code: str, here: CurrentVisit) -> Response:
    """Assign each chosen branch a free routing characteristic with its system, once who is told was seen."""
    form = await here.form()
    async with here.app.open_pool.acquire() as c:
        school = await load_own_school(here, c, brin)
        service = await _service(here, c, school, service_code)
        path = f"/mandaten/{brin}/verdelen/{service.code}"
        return await accept(here, c, form, path, _divide(here, c, school, service, form))


def _divide(
    here: Visit, c: Connection, school: School, service: ServiceView, form: FormData
) -> Callable[[], Awaitable[str]]:
    async def act() -> str:
        choices = _choices(form, service)
        if not choices:
            refuse([])
        versions = {card.mandate.id: form.number(f"version.{card.mandate.id}") for card in service.live}
        await administration.assign_free_routing(c, here.actor, choices, versions)
        if form.text("step") != "confirm":
            raise NotAccepted(f"/mandaten/{school.brin}/verdelen/{service.code}/controle")
        return f"/mandaten/{school.brin}?done=divided"

    return act


async def _division_errors(
    here: Visit, c: Connection, school: School, service: ServiceView, form: FormData
) -> list[FormError]:
    """Return what is wrong with a division, by trying it."""
    faults = [] if _choices(form, service) else [FormError("", here.words("divide_nothing"))]
    try:
        await attempt(c, _divide(here, c, school, service, form))
    except NotAccepted:
        return []
    except (InvalidInput, Conflict, PreconditionFailed) as fault:
        return merge_errors(faults, fault, here.words)
    return []


def _division_path(school: School, service: ServiceView, token: str) -> str:
    path = f"/mandaten/{school.brin}/verdelen/{service.code}"
    return f"{path}?{KEPT}={quote(token)}" if token else path


async def _show_division_preview(
    here: Visit, c: Connection, school: School, service: ServiceView, choices: Mapping[Branch, UUID]
) -> Response:
    return await show_preview(
        here,
        c,
        "divide_preview.html",
        school,
        register.foresee_division(c, choices, here.at),
        form_again=_division_path(school, service, here.request.query_params.get(KEPT, "")),
        service=service,
        choices=choices,
    )


def _choices(form: FormData, service: ServiceView) -> Mapping[Branch, UUID]:
    living = {str(card.mandate.id): card.mandate.id for card in service.live}
    chosen = {Branch(branch): living.get(form.text(f"for.{branch}")) for branch, _ in service.in_doubt}
    return {branch: mandate_id for branch, mandate_id in chosen.items() if mandate_id is not None}


async def _service(here: Visit, c: Connection, school: School, service_code: str) -> ServiceView:
    views = await mandates.mandate_views(c, MandateFilter(brin=school.brin), here.scope, MAX_MANDATES)
    status = await school_status(c, school.brin, here.at.now, here.at.today)
    shown = view_school(status, views, await rows.services(c), here.at.today) if status else []
    found = next((service for service in shown if service.code == service_code), None)
    if found is None:
        msg = f"no service {service_code}"
        raise NotFound(msg)
    return found


def _show_division(
    here: Visit, school: School, service: ServiceView, form: FormData, faults: Sequence[FormError] = ()
) -> Response:
    return here.show("divide.html", school=school, service=service, form=form, faults=FormErrors(faults))
