"""Pages for a branch's routing characteristic. In: what is chosen for the branch. Out: a preview, or the change."""

from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Response

from hub import register
from hub.console.form_parsing import merge_errors, refuse
from hub.console.forms import FormData, FormError, FormErrors
from hub.console.kept_forms import KEPT, NotAccepted, accept, attempt, read_kept
from hub.console.mandates import MandatePage, load_mandate
from hub.console.previews import show_preview
from hub.console.route import PageRoute
from hub.console.visit import CurrentVisit, Redirect, Visit
from hub.domain.school import School, SchoolBranch
from hub.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from hub.operations import administration
from hub.store.pool import Connection
from schemas.identifiers import Branch, RoutingId

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/mandaten/{brin}/{mandate_id:uuid}/vestiging/{branch}")
async def get_branch(brin: str, mandate_id: UUID, branch: str, here: CurrentVisit) -> Response:
    """Show the form for a branch's routing characteristic."""
    async with here.app.open_pool.acquire() as c:
        opened = await load_mandate(here, c, brin, mandate_id, own=True)
        kept = await read_kept(here, c)
        if kept is None:
            current = opened.view.mandate.routes.get(Branch(branch))
            form = FormData({"how": ["own" if current else "none"], "own": [current or ""]})
            return await _show_form(here, c, opened, branch, form)
        return await _show_form(here, c, opened, branch, kept, await _errors(here, c, opened, branch, kept))


@router.post("/mandaten/{brin}/{mandate_id:uuid}/vestiging/{branch}")
async def post_branch(brin: str, mandate_id: UUID, branch: str, here: CurrentVisit) -> Response:
    """Assign or remove a branch's routing characteristic, once who is told was seen."""
    form = await here.form()
    async with here.app.open_pool.acquire() as c:
        opened = await load_mandate(here, c, brin, mandate_id, own=True)
        path = _path(opened, _location(opened.chosen.school, branch).branch)
        return await accept(here, c, form, path, _route(here, c, opened, branch, form))


@router.get("/mandaten/{brin}/{mandate_id:uuid}/vestiging/{branch}/controle")
async def get_check(brin: str, mandate_id: UUID, branch: str, here: CurrentVisit) -> Response:
    """Show who would be told what of the branch."""
    async with here.app.open_pool.acquire() as c:
        opened = await load_mandate(here, c, brin, mandate_id, own=True)
        where, kept = _location(opened.chosen.school, branch), await read_kept(here, c)
        again = f"{_path(opened, where.branch)}?{KEPT}={quote(here.request.query_params.get(KEPT, ''))}"
        try:
            await attempt(c, _route(here, c, opened, branch, kept or FormData()))
        except NotAccepted:
            return await _show_preview(here, c, opened, where, kept or FormData(), again)
        except (InvalidInput, Conflict, PreconditionFailed):
            raise Redirect(again) from None
        raise Redirect(opened.path)


def _path(opened: MandatePage, branch: str) -> str:
    return f"{opened.path}/vestiging/{branch}"


def _form_errors(here: Visit, form: FormData) -> list[FormError]:
    match form.text("how"):
        case "none" | "free":
            return []
        case "own":
            return [] if form.text("own") else [FormError("own", here.words("own_missing"))]
        case _:
            return [FormError("how", here.words("choose_one"))]


async def _errors(here: Visit, c: Connection, opened: MandatePage, branch: str, form: FormData) -> list[FormError]:
    """Return what is wrong with a form, by trying it."""
    faults = _form_errors(here, form)
    try:
        await attempt(c, _route(here, c, opened, branch, form))
    except NotAccepted:
        return []
    except (InvalidInput, Conflict, PreconditionFailed) as fault:
        return merge_errors(faults, fault, here.words)
    return faults


def _route(here: Visit, c: Connection, opened: MandatePage, name: str, form: FormData) -> Callable[[], Awaitable[str]]:
    mandate, branch = opened.view.mandate, Branch(name)
    version = register.exactly(form.number("version"))

    async def act() -> str:
        if _form_errors(here, form):
            refuse([])
        if form.text("how") != "none":
            chosen = _chosen(form)
            after = await administration.assign_routing(c, here.actor, mandate.id, branch, chosen, version)
            is_changed = after.mandate.routes != mandate.routes
        elif is_changed := branch in mandate.routes:
            await administration.remove_routing(c, here.actor, mandate.id, branch, version)
        if is_changed and form.text("step") != "confirm":
            raise NotAccepted(f"{_path(opened, branch)}/controle")
        return f"{opened.path}?done=routed"

    return act


def _chosen(form: FormData) -> RoutingId | None:
    """Return the characteristic that was filled in; None for a free one."""
    return RoutingId(form.text("own")) if form.text("how") == "own" else None


async def _show_preview(
    here: Visit, c: Connection, opened: MandatePage, where: SchoolBranch, form: FormData, again: str
) -> Response:
    """Show the messages, with the characteristic itself where a free one was asked for, so that it stays that one."""
    before, school = opened.view.mandate.routes.get(where.branch), opened.chosen.school
    after = None
    if form.text("how") != "none":
        after = _chosen(form) or await register.available_routing(c, school.brin, here.at.today)
    return await show_preview(
        here,
        c,
        "branch_preview.html",
        school,
        register.foresee_routing(c, opened.view.mandate.id, where.branch, after, here.at),
        opened=opened,
        branch=where,
        version=form.number("version"),
        before=before,
        after=after,
        form_again=again,
    )


async def _show_form(
    here: Visit, c: Connection, opened: MandatePage, branch: str, form: FormData, faults: Sequence[FormError] = ()
) -> Response:
    return here.show(
        "branch.html",
        opened=opened,
        branch=_location(opened.chosen.school, branch),
        form=form,
        faults=FormErrors(faults),
        free=await register.available_routing(c, opened.chosen.school.brin, here.at.today),
    )


def _location(school: School, branch: str) -> SchoolBranch:
    found = next((found for found in school.branches if found.branch == branch), None)
    if found is None:
        msg = f"school {school.brin} has no branch {branch}"
        raise NotFound(msg)
    return found
