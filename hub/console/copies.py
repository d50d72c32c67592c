"""Pages that copy a mandate to other schools: choose schools, see what happens, confirm, outcome per school."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from hub.console.form_parsing import merge_errors, refuse
from hub.console.forms import FormData, FormError, FormErrors
from hub.console.kept_forms import KEPT, NotAccepted, accept, attempt, read_kept
from hub.console.mandates import MandatePage, load_mandate
from hub.console.route import PageRoute
from hub.console.schools import find_schools
from hub.console.visit import CurrentVisit, Redirect, Visit
from hub.errors import Conflict, InvalidInput, PreconditionFailed
from hub.operations import administration
from hub.operations.foresight import ForeseenMessage, foresee
from hub.register import CopyResult, DatedEvent
from hub.store import mandates
from hub.store import register as rows
from hub.store.mandates import MandateFilter, SchoolFilter
from hub.store.pool import Connection
from schemas.identifiers import BRIN, Brin

router = APIRouter(include_in_schema=False, route_class=PageRoute)
MAX_SCHOOLS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRow:
    """One school of a copy, with its name, its result, and whether it was ticked."""

    brin: str
    name: str
    result: CopyResult
    is_ticked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyMessage:
    """A message that a receiver would get of copies, and of how many schools."""

    message: ForeseenMessage
    schools: int


@router.get("/mandaten/{brin}/{mandate_id:uuid}/kopieren")
async def get_copy(brin: str, mandate_id: UUID, here: CurrentVisit) -> Response:
    """Show which schools can be chosen, and why the others cannot."""
    async with here.app.open_pool.acquire() as c:
        opened = await load_mandate(here, c, brin, mandate_id, own=True)
        kept = await read_kept(here, c)
        faults = [] if kept is None else await _errors(here, c, opened, kept)
        return await _show_form(here, c, opened, kept or FormData(), faults)


@router.get("/mandaten/{brin}/{mandate_id:uuid}/kopieren/controle")
async def get_check(brin: str, mandate_id: UUID, here: CurrentVisit) -> Response:
    """Show what a copy to the chosen schools does."""
    async with here.app.open_pool.acquire() as c:
        opened = await load_mandate(here, c, brin, mandate_id, own=True)
        kept = await read_kept(here, c)
        if kept is None:
            raise Redirect(f"{opened.path}/kopieren")
        faults = await _errors(here, c, opened, kept)
        brins = _brins(kept)
        results = await _dry_run(here, c, opened, brins)
        lines = await _rows(here, c, results)
        return here.show(
            "copy_preview.html",
            opened=opened,
            told=await _foresee(here, c, results),
            names=(await rows.references(c)).names,
            today=here.at.today,
            will=[line for line in lines if line.result.reason is None],
            wont=[line for line in lines if line.result.reason is not None],
            form_again=f"{opened.path}/kopieren?{KEPT}={here.request.query_params[KEPT]}",
            faults=FormErrors(faults),
        )


@router.post("/mandaten/{brin}/{mandate_id:uuid}/kopieren")
async def post_copy(brin: str, mandate_id: UUID, here: CurrentVisit) -> Response:
    """Search for schools, go on to what a copy does, or copy."""
    form = await here.form()
    async with here.app.open_pool.acquire() as c:
        opened = await load_mandate(here, c, brin, mandate_id, own=True)
        if form.text("step") == "preview_all":
            form = await _tick_all(here, c, opened, form)
        where = "kopieren/controle" if form.text("step") == "confirm" else "kopieren"
        return await accept(here, c, form, f"{opened.path}/{where}", _copy(here, c, opened, form))


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


def _copy(here: Visit, c: Connection, opened: MandatePage, form: FormData) -> Callable[[], Awaitable[str]]:
    """Return what the form asks for: it copies and returns where the outcome is, or raises what comes before that."""
    mandate, brins, path = opened.view.mandate, _brins(form), f"{opened.path}/kopieren"

    async def act() -> str:
        if form.text("step") == "search":
            raise NotAccepted(path)
        if not brins:
            refuse([])
        if form.text("step") != "confirm":
            raise NotAccepted(f"{path}/controle")
        if (await administration.read_own(c, here.actor, mandate.id)).mandate.version != form.number("version"):
            raise PreconditionFailed
        await administration.copy(c, here.actor, mandate, brins, dry_run=False)
        return f"{path}/uitkomst?scholen={'.'.join(brins)}"

    return act


async def _errors(here: Visit, c: Connection, opened: MandatePage, form: FormData) -> list[FormError]:
    """Return what is wrong with a form, by trying it."""
    try:
        await attempt(c, _copy(here, c, opened, form))
    except NotAccepted:
        return []
    except InvalidInput:
        return [FormError("brin", here.words("copy_choose"))]
    except (Conflict, PreconditionFailed) as fault:
        return merge_errors([], fault, here.words)
    return []


async def _show_form(
    here: Visit, c: Connection, opened: MandatePage, form: FormData, faults: Sequence[FormError]
) -> Response:
    listed = await find_schools(here, c, form.text("q"), MAX_SCHOOLS + 1)
    ticked = _brins(form)
    shown = dict.fromkeys([*ticked, *(school["brin"] for school in listed[:MAX_SCHOOLS])])
    brins = [brin for brin in shown if brin != opened.view.mandate.brin]
    try:
        lines = await _rows(here, c, await _dry_run(here, c, opened, brins), ticked)
    except Conflict as fault:  # the mandate itself is over
        lines, faults = [], merge_errors([], fault, here.words)
    return here.show(
        "copy.html",
        opened=opened,
        form=form,
        faults=FormErrors(faults),
        can=[line for line in lines if line.result.reason is None],
        cannot=[line for line in lines if line.result.reason is not None],
        is_cut=len(listed) > MAX_SCHOOLS,
        max_size=MAX_SCHOOLS,
    )


async def _tick_all(here: Visit, c: Connection, opened: MandatePage, form: FormData) -> FormData:
    """Tick every school that fits the search and can get the mandate."""
    found = [school["brin"] for school in await find_schools(here, c, form.text("q"), MAX_SCHOOLS)]
    brins = [brin for brin in found if brin != opened.view.mandate.brin]
    results = await _dry_run(here, c, opened, brins)
    return FormData({**form.fields, "brin": [each.brin for each in results if each.reason is None]})


async def _dry_run(here: Visit, c: Connection, opened: MandatePage, brins: Sequence[Brin]) -> list[CopyResult]:
    async with c.transaction():
        return await administration.copy(c, here.actor, opened.view.mandate, brins, dry_run=True)


async def _foresee(here: Visit, c: Connection, results: Sequence[CopyResult]) -> list[CopyMessage]:
    """Return who would be told of the copies: each message once, with the number of schools that it is about."""
    dated = [DatedEvent(day=here.at.today, event=event) for result in results for event in result.events]
    messages = await foresee(c, dated)
    alike = [(m.destination, m.kind, m.event.mandate.system_code, m.waits_for) for m in messages]
    first = dict(zip(reversed(alike), reversed(messages), strict=True))
    brins = Counter((key, m.event.mandate.brin) for key, m in zip(alike, messages, strict=True))
    schools = Counter(key for key, _ in brins)
    return [CopyMessage(message=first[key], schools=schools[key]) for key in dict.fromkeys(alike)]


async def _copies_of(here: Visit, c: Connection, opened: MandatePage) -> dict[Brin, UUID]:
    mandate = opened.view.mandate
    same_system = MandateFilter(service_code=mandate.service_code, supplier_oin=mandate.supplier_oin)
    views = await mandates.mandate_views(c, same_system, here.scope, 10 * MAX_SCHOOLS)
    return {view.mandate.brin: view.mandate.id for view in views if view.mandate.copied_from == mandate.id}


async def _named_schools(here: Visit, c: Connection, brins: Sequence[Brin]) -> dict[str, Mapping[str, Any]]:
    everything = await mandates.list_schools(c, SchoolFilter(), here.scope, 10 * MAX_SCHOOLS) if brins else []
    named = {school["brin"]: school for school in everything}
    return {brin: named[brin] for brin in brins if brin in named}


async def _rows(
    here: Visit, c: Connection, results: Sequence[CopyResult], ticked: Sequence[Brin] = ()
) -> list[CopyRow]:
    named = await _named_schools(here, c, [result.brin for result in results])
    return [
        CopyRow(
            brin=result.brin,
            name=named[result.brin]["name"] if result.brin in named else "",
            result=result,
            is_ticked=result.brin in ticked,
        )
        for result in results
    ]


def _brins(form: FormData) -> list[Brin]:
    return [Brin(text) for text in form.texts("brin") if BRIN.pattern.fullmatch(text)][:MAX_SCHOOLS]
