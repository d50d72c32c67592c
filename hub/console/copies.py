"""The pages on which a mandate is copied: choose schools, see what will happen, do it, see what happened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from hub import administer
from hub.console.desk import Visit, VisitHere
from hub.console.forms import Fault, Faults, Form
from hub.console.mandates import Opened, open_mandate
from hub.console.route import PageRoute
from hub.console.schools import find_schools
from hub.console.wishes import add_found
from hub.domain.mandate import Mandate
from hub.errors import Conflict, PreconditionFailed
from hub.register import CopyResult
from hub.store import mandates
from hub.store.mandates import Wanted, WantedSchools
from hub.store.pool import Connection
from schemas.identifiers import BRIN, Brin

router = APIRouter(include_in_schema=False, route_class=PageRoute)
MOST_SCHOOLS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One school of a copy: what it is called, and what becomes of it."""

    brin: str
    name: str
    result: CopyResult


@router.get("/mandaten/{brin}/{mandate_id:uuid}/kopieren")
async def get_copy(brin: str, mandate_id: UUID, here: VisitHere) -> Response:
    """Ask which schools shall have the same mandate."""
    async with here.wired.open_pool.acquire() as c:
        return await _ask(here, c, await open_mandate(here, c, brin, mandate_id, own=True), Form())


@router.post("/mandaten/{brin}/{mandate_id:uuid}/kopieren")
async def post_copy(brin: str, mandate_id: UUID, here: VisitHere) -> Response:
    """Search for schools, show what will happen, or let it happen."""
    form = await here.form()
    async with here.wired.open_pool.acquire() as c:
        opened = await open_mandate(here, c, brin, mandate_id, own=True)
        match form.text("step"):
            case "preview" | "preview_all":
                return await _preview(here, c, opened, form)
            case "confirm":
                return await _copy(here, c, opened, form)
            case _:
                return await _ask(here, c, opened, form)


@router.get("/mandaten/{brin}/{mandate_id:uuid}/kopieren/uitkomst")
async def get_outcome(brin: str, mandate_id: UUID, here: VisitHere, scholen: str = "") -> Response:
    """Say for each school of a copy whether it has the mandate now, and if not, why."""
    brins = [Brin(each) for each in scholen.split(".") if BRIN.pattern.fullmatch(each)][:MOST_SCHOOLS]
    async with here.wired.open_pool.acquire() as c:
        opened = await open_mandate(here, c, brin, mandate_id, own=True)
        made = await _copies_of(here, c, opened)
        tried = {result.brin: result for result in await _try(here, c, opened, brins)}
        results = [CopyResult(brin=each, mandate_id=made[each]) if each in made else tried[each] for each in brins]
        lines = await _lines(here, c, results)
    return here.show(
        "copy_done.html",
        opened=opened,
        made=[line for line in lines if line.brin in made],
        skipped=[line for line in lines if line.brin not in made],
    )


async def _ask(here: Visit, c: Connection, opened: Opened, form: Form, faults: Sequence[Fault] = ()) -> Response:
    own = opened.view.mandate.brin
    listed = await find_schools(here, c, form.text("q"), MOST_SCHOOLS + 1)
    found = [school for school in listed if school["brin"] != own]
    ticked = await _named(here, c, _brins(form))
    status = HTTPStatus.BAD_REQUEST if faults else HTTPStatus.OK
    return here.show(
        "copy.html",
        status,
        opened=opened,
        form=form,
        faults=Faults(faults),
        ticked=[school for brin, school in ticked.items() if brin != own],
        schools=[school for school in found if school["brin"] not in ticked][:MOST_SCHOOLS],
        is_cut=len(listed) > MOST_SCHOOLS,
        most=MOST_SCHOOLS,
    )


async def _preview(here: Visit, c: Connection, opened: Opened, form: Form) -> Response:
    brins = _brins(form)
    if form.text("step") == "preview_all":
        brins = [school["brin"] for school in await find_schools(here, c, form.text("q"), MOST_SCHOOLS)]
    brins = [each for each in brins if each != opened.view.mandate.brin]
    if not brins:
        return await _ask(here, c, opened, form, [Fault("brin", here.words("copy_choose"))])
    try:
        results = await _try(here, c, opened, brins)
    except Conflict as fault:
        return await _ask(here, c, opened, form, add_found([], fault, here.words))
    return await _show_preview(here, c, opened, results)


async def _show_preview(
    here: Visit, c: Connection, opened: Opened, results: Sequence[CopyResult], faults: Sequence[Fault] = ()
) -> Response:
    lines = await _lines(here, c, results)
    return here.show(
        "copy_preview.html",
        HTTPStatus.BAD_REQUEST if faults else HTTPStatus.OK,
        opened=opened,
        will=[line for line in lines if line.result.reason is None],
        wont=[line for line in lines if line.result.reason is not None],
        faults=Faults(faults),
    )


async def _copy(here: Visit, c: Connection, opened: Opened, form: Form) -> Response:
    mandate, brins = opened.view.mandate, _brins(form)
    if not brins:
        return await _ask(here, c, opened, form, [Fault("brin", here.words("copy_choose"))])
    try:
        async with c.transaction():
            _check_version((await administer.own(c, here.hand, mandate.id)).mandate, form)
            await administer.copy(c, here.hand, mandate, brins, dry_run=False)
    except Conflict as fault:
        return await _ask(here, c, opened, form, add_found([], fault, here.words))
    except PreconditionFailed as fault:
        results = await _try(here, c, opened, brins)
        return await _show_preview(here, c, opened, results, add_found([], fault, here.words))
    here.ring("events")
    return here.go(f"{opened.path}/kopieren/uitkomst?scholen={'.'.join(brins)}")


def _check_version(mandate: Mandate, form: Form) -> None:
    if mandate.version != form.number("version"):
        raise PreconditionFailed


async def _try(here: Visit, c: Connection, opened: Opened, brins: Sequence[Brin]) -> list[CopyResult]:
    async with c.transaction():
        return await administer.copy(c, here.hand, opened.view.mandate, brins, dry_run=True)


async def _copies_of(here: Visit, c: Connection, opened: Opened) -> dict[Brin, UUID]:
    mandate = opened.view.mandate
    wanted = Wanted(service_code=mandate.service_code, supplier_oin=mandate.supplier_oin)
    views = await mandates.mandate_views(c, wanted, here.sight, 10 * MOST_SCHOOLS)
    return {view.mandate.brin: view.mandate.id for view in views if view.mandate.copied_from == mandate.id}


async def _named(here: Visit, c: Connection, brins: Sequence[Brin]) -> dict[str, Mapping[str, Any]]:
    everything = await mandates.list_schools(c, WantedSchools(), here.sight, 10 * MOST_SCHOOLS) if brins else []
    named = {school["brin"]: school for school in everything}
    return {brin: named[brin] for brin in brins if brin in named}


async def _lines(here: Visit, c: Connection, results: Sequence[CopyResult]) -> list[Line]:
    named = await _named(here, c, [result.brin for result in results])
    return [
        Line(
            brin=result.brin,
            name=named[result.brin]["name"] if result.brin in named else "",
            result=result,
        )
        for result in results
    ]


def _brins(form: Form) -> list[Brin]:
    return [Brin(text) for text in form.texts("brin") if BRIN.pattern.fullmatch(text)][:MOST_SCHOOLS]
