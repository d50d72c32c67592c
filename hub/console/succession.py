"""The page on which one system follows another. In: a filled-in form for a mandate. Out: a preview, or both changes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from fastapi import Response

from hub.console.forms import FormData, FormError, FormErrors
from hub.console.kept_forms import KEPT, NotAccepted
from hub.console.schools import MAX_MANDATES
from hub.console.visit import Visit
from hub.domain.mandate import Mandate, Unit, is_live, overlaps
from hub.domain.rules import GrantRequest
from hub.domain.school import School
from hub.errors import PreconditionFailed
from hub.operations import administration
from hub.operations.foresight import ForeseenMessage, foresee
from hub.register import Succession, SuccessionRequest
from hub.store import mandates
from hub.store import register as rows
from hub.store.mandates import MandateFilter, MandateView
from hub.store.pool import Connection
from schemas.identifiers import Branch, RoutingId

CARRIED: Final = ("service", "system", "start", "end")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeseenSuccession:
    """What would happen if a system followed another, or came beside it, and who would be told."""

    old: MandateView | None
    done: Succession
    messages: Sequence[ForeseenMessage]
    keeps_routes: bool

    @property
    def silent(self) -> Sequence[Unit]:
        """The parts of the school of which the new system would not be told yet."""
        return [unit for unit in self.done.granted.units if not unit.told]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledGrantForm:
    """A form for a mandate that could be read whole."""

    school: School
    form: FormData
    request: GrantRequest


async def change_over(here: Visit, c: Connection, filled: FilledGrantForm) -> str | None:
    """Grant the new mandate and let the old one stop, and return where that leads; None where there is no old one.

    Raises `NotAccepted` where it has to be confirmed who stops, `InvalidInput` or `Conflict` with what is wrong, and
    `PreconditionFailed` when the old mandate does not go on any more.
    """
    stale: PreconditionFailed | None = None
    step, school = filled.form.text("step"), f"/mandaten/{filled.school.brin}"
    if step == "succeed" and filled.form.text("seen") == here.at.today.isoformat():
        try:
            return f"{school}/{(await _succeed(here, c, filled)).id}?done=succeeded"
        except PreconditionFailed as fault:
            stale = fault
    if step == "beside" and filled.request.branches:
        return None
    if await find_predecessors(here, c, filled.request):
        raise NotAccepted(f"{school}/nieuw/controle", stale)
    if stale is None:
        return None
    made = await _find_made(here, c, filled.request)
    if made is None:
        raise stale
    return f"{school}/{made.id}?done=succeeded"


async def find_predecessors(here: Visit, c: Connection, request: GrantRequest) -> list[MandateView]:
    """Return the mandates of other systems for the service on the days of a requested one."""
    wanted = MandateFilter(brin=request.brin, service_code=request.service_code)
    views = await mandates.mandate_views(c, wanted, here.scope, MAX_MANDATES)
    return [view for view in views if _goes_on(view.mandate, request, here.at.today)]


async def _find_made(here: Visit, c: Connection, request: GrantRequest) -> Mandate | None:
    """Return the mandate that a form sent twice made the first time."""
    wanted = MandateFilter(brin=request.brin, service_code=request.service_code, system_code=request.system_code)
    views = await mandates.mandate_views(c, wanted, here.scope, MAX_MANDATES)
    dates = (request.start_date, request.end_date)
    made = (view.mandate for view in views if is_live(view.mandate, here.at.today))
    return next((mandate for mandate in made if (mandate.start_date, mandate.end_date) == dates), None)


def _goes_on(mandate: Mandate, request: GrantRequest, today: date) -> bool:
    is_other = mandate.system_code != request.system_code
    return is_other and is_live(mandate, today) and overlaps(mandate, request, today)


async def _succeed(here: Visit, c: Connection, filled: FilledGrantForm) -> Mandate:
    views = await mandates.mandate_views(c, MandateFilter(brin=filled.school.brin), here.scope, MAX_MANDATES)
    old = next((view.mandate for view in views if str(view.mandate.id) == filled.form.text("old")), None)
    if old is None:
        raise PreconditionFailed
    order = _order(filled, old, here.at.today, filled.form.number("version"))
    async with c.transaction():
        return (await administration.succeed(c, here.actor, order)).granted


def _order(filled: FilledGrantForm, old: Mandate, today: date, version: int | None) -> SuccessionRequest:
    """Make the request; where the form names no branches, those of the old mandate keep their characteristics."""
    routes = _kept_routes(filled, old, today) or filled.request.branches
    return SuccessionRequest(
        request=replace(filled.request, branches=routes),
        predecessor=old.id,
        expected=version,
        dry_run=version is None,
    )


def _kept_routes(filled: FilledGrantForm, old: Mandate, today: date) -> Sequence[tuple[Branch, RoutingId | None]]:
    if filled.request.branches:
        return ()
    return [(branch, old.routes[branch]) for branch in filled.school.open_branches(today) if branch in old.routes]


async def show_succession(
    here: Visit, c: Connection, filled: FilledGrantForm, olds: Sequence[MandateView], faults: Sequence[FormError]
) -> Response:
    """Show what happens where the new system takes the place of each old one, or comes beside them."""
    request = filled.request
    beside = SuccessionRequest(request=request, predecessor=None, dry_run=True)
    async with c.transaction():
        references = await rows.references(c)
        offers = [await _foresee(here, c, filled, old) for old in olds]
        both = await _preview(here, c, beside) if request.branches else None
    return here.show(
        "succession.html",
        form_again=f"/mandaten/{filled.school.brin}/nieuw?{KEPT}={here.request.query_params[KEPT]}",
        filled=filled,
        service=references.services[request.service_code],
        names=references.names,
        offers=offers,
        both=both,
        carried=_carried(filled.form),
        faults=FormErrors(faults),
        today=here.at.today,
        branches=filled.school.open_branches(here.at.today),
    )


async def _foresee(here: Visit, c: Connection, filled: FilledGrantForm, old: MandateView) -> ForeseenSuccession:
    order = _order(filled, old.mandate, here.at.today, None)
    found = await _preview(here, c, order)
    return replace(found, old=old, keeps_routes=bool(_kept_routes(filled, old.mandate, here.at.today)))


async def _preview(here: Visit, c: Connection, order: SuccessionRequest) -> ForeseenSuccession:
    done = await administration.succeed(c, here.actor, order)
    return ForeseenSuccession(old=None, done=done, messages=await foresee(c, done.events), keeps_routes=False)


def _carried(form: FormData) -> list[tuple[str, str]]:
    """Return the fields of the form that its next step sends again."""
    names = [name for name in form.fields if name in CARRIED or name.startswith(("how.", "own."))]
    return [(name, form.text(name)) for name in names]
