"""Pages that copy a mandate to other schools: choose schools, preview, copy, result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from hub.console.form_parsing import merge_errors
from hub.console.forms import FormData, FormError, FormErrors
from hub.console.mandates import MandatePage, load_mandate
from hub.console.route import PageRoute
from hub.console.schools import find_schools
from hub.console.visit import CurrentVisit, Visit
from hub.domain.mandate import Mandate
from hub.errors import Conflict, PreconditionFailed
from hub.operations import administration
from hub.register import CopyResult
from hub.store import mandates
from hub.store.mandates import MandateFilter, SchoolFilter
from hub.store.pool import Connection
from schemas.identifiers import BRIN, Brin

router = APIRouter(include_in_schema=False, route_class=PageRoute)
MAX_SCHOOLS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRow:
    """One school of a copy, with its name and its result."""

    brin: str
    name: str
    result: CopyResult


@router.get("/mandaten/{brin}/{mandate_id:uuid}/kopieren")
async def get_copy(brin: str, mandate_id: UUID, here: CurrentVisit) -> Response:
    """Show the form in which schools are chosen."""
    async with here.app.open_pool.acquire() as c:
        return await _show_form(here, c, await load_mandate(here, c, brin, mandate_id, own=True), FormData())


@router.post("/mandaten/{brin}/{mandate_id:uuid}/kopieren")
async def post_copy(brin: str, mandate_id: UUID, here: CurrentVisit) -> Response:
    """Search for schools, preview the copy, or copy."""
    form = await here.form()
    async with here.app.open_pool.acquire() as c:
        opened = await load_mandate(here, c, brin, mandate_id, own=True)
        match form.text("step"):
            case "preview" | "preview_all":
                return await _preview(here, c, opened, form)
            case "confirm":
                return await _copy(here, c, opened, form)
            case _:
                return await _show_form(here, c, opened, form)


@router.get("/mandaten/{brin}/{mandate_id:uuid}/kopieren/uitkomst")
async def get_outcome(brin: str, mandate_id: UUID, here: CurrentVisit, scholen: str = "") -> Response:
    """Show for each school whether it got the mandate, and if not, why."""
    brins = [Brin(each) for each in scholen.split(".") if BRIN.pattern.fullmatch(each)][:MAX_SCHOOLS]
    async with here.app.open_pool.acquire() as c:
        opened = await load_mandate(here, c, brin, mandate_id, own=True)
        made = await _copies_of(here, c, opened)
        tried = {result.brin: result for result in await _dry_run(here, c, opened, brins)}
        results = [CopyResult(brin=each, mandate_id=made[each]) if each in made else tried[each] for each in brins]
        lines = await _rows(here, c, results)
    return here.show(
        "copy_done.html",
        opened=opened,
        made=[line for line in lines if line.brin in made],
        skipped=[line for line in lines if line.brin not in made],
    )


async def _show_form(
    here: Visit, c: Connection, opened: MandatePage, form: FormData, faults: Sequence[FormError] = ()
) -> Response:
    own = opened.view.mandate.brin
    listed = await find_schools(here, c, form.text("q"), MAX_SCHOOLS + 1)
    found = [school for school in listed if school["brin"] != own]
    ticked = await _named_schools(here, c, _brins(form))
    status = HTTPStatus.BAD_REQUEST if faults else HTTPStatus.OK
    return here.show(
        "copy.html",
        status,
        opened=opened,
        form=form,
        faults=FormErrors(faults),
        ticked=[school for brin, school in ticked.items() if brin != own],
        schools=[school for school in found if school["brin"] not in ticked][:MAX_SCHOOLS],
        is_cut=len(listed) > MAX_SCHOOLS,
        max_size=MAX_SCHOOLS,
    )


async def _preview(here: Visit, c: Connection, opened: MandatePage, form: FormData) -> Response:
    brins = _brins(form)
    if form.text("step") == "preview_all":
        brins = [school["brin"] for school in await find_schools(here, c, form.text("q"), MAX_SCHOOLS)]
    brins = [each for each in brins if each != opened.view.mandate.brin]
    if not brins:
        return await _show_form(here, c, opened, form, [FormError("brin", here.words("copy_choose"))])
    try:
        results = await _dry_run(here, c, opened, brins)
    except Conflict as fault:
        return await _show_form(here, c, opened, form, merge_errors([], fault, here.words))
    return await _show_preview(here, c, opened, results)


async def _show_preview(
    here: Visit, c: Connection, opened: MandatePage, results: Sequence[CopyResult], faults: Sequence[FormError] = ()
) -> Response:
    lines = await _rows(here, c, results)
    return here.show(
        "copy_preview.html",
        HTTPStatus.BAD_REQUEST if faults else HTTPStatus.OK,
        opened=opened,
        will=[line for line in lines if line.result.reason is None],
        wont=[line for line in lines if line.result.reason is not None],
        faults=FormErrors(faults),
    )


async def _copy(here: Visit, c: Connection, opened: MandatePage, form: FormData) -> Response:
    mandate, brins = opened.view.mandate, _brins(form)
    if not brins:
        return await _show_form(here, c, opened, form, [FormError("brin", here.words("copy_choose"))])
    try:
        async with c.transaction():
            _check_version((await administration.read_own(c, here.actor, mandate.id)).mandate, form)
            await administration.copy(c, here.actor, mandate, brins, dry_run=False)
    except Conflict as fault:
        return await _show_form(here, c, opened, form, merge_errors([], fault, here.words))
    except PreconditionFailed as fault:
        results = await _dry_run(here, c, opened, brins)
        return await _show_preview(here, c, opened, results, merge_errors([], fault, here.words))
    here.notify("events")
    return here.go(f"{opened.path}/kopieren/uitkomst?scholen={'.'.join(brins)}")


def _check_version(mandate: Mandate, form: FormData) -> None:
    if mandate.version != form.number("version"):
        raise PreconditionFailed


async def _dry_run(here: Visit, c: Connection, opened: MandatePage, brins: Sequence[Brin]) -> list[CopyResult]:
    async with c.transaction():
        return await administration.copy(c, here.actor, opened.view.mandate, brins, dry_run=True)


async def _copies_of(here: Visit, c: Connection, opened: MandatePage) -> dict[Brin, UUID]:
    mandate = opened.view.mandate
    same_system = MandateFilter(service_code=mandate.service_code, supplier_oin=mandate.supplier_oin)
    views = await mandates.mandate_views(c, same_system, here.scope, 10 * MAX_SCHOOLS)
    return {view.mandate.brin: view.mandate.id for view in views if view.mandate.copied_from == mandate.id}


async def _named_schools(here: Visit, c: Connection, brins: Sequence[Brin]) -> dict[str, Mapping[str, Any]]:
    everything = await mandates.list_schools(c, SchoolFilter(), here.scope, 10 * MAX_SCHOOLS) if brins else []
    named = {school["brin"]: school for school in everything}
    return {brin: named[brin] for brin in brins if brin in named}


async def _rows(here: Visit, c: Connection, results: Sequence[CopyResult]) -> list[CopyRow]:
    named = await _named_schools(here, c, [result.brin for result in results])
    return [
        CopyRow(
            brin=result.brin,
            name=named[result.brin]["name"] if result.brin in named else "",
            result=result,
        )
        for result in results
    ]


def _brins(form: FormData) -> list[Brin]:
    return [Brin(text) for text in form.texts("brin") if BRIN.pattern.fullmatch(text)][:MAX_SCHOOLS]
