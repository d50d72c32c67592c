"""The page of one mandate: change its dates, withdraw it. In: forms with the version they change. Out: pages."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Response

from hub.console.form_parsing import merge_errors, parse_patch, parse_reason, refuse
from hub.console.forms import FormData, FormError, FormErrors, parse_day
from hub.console.kept_forms import KEPT, NotAccepted, accept, attempt, read_kept
from hub.console.previews import show_preview
from hub.console.progress import read_narrator
from hub.console.route import PageRoute
from hub.console.school_view import MandateCard, branch_groups, card_of
from hub.console.schools import SchoolPage, load_school
from hub.console.templating import dutch_date
from hub.console.visit import CurrentVisit, Redirect, Visit
from hub.domain.system import Service
from hub.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from hub.observe.status import school_status
from hub.operations import administration
from hub.register import DatedEvent, exactly, foresee_amendment, foresee_withdrawal
from hub.register.amend import with_dates
from hub.store import mandates, register
from hub.store.mandates import MandateView, RecordedEvent
from hub.store.pool import Connection
from hub.store.school_deliveries import read_marks

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@dataclass(frozen=True, slots=True, kw_only=True)
class MandatePage:
    """The mandate that a page is about."""

    chosen: SchoolPage
    view: MandateView
    service: Service

    @property
    def path(self) -> str:
        """The path of its page."""
        return f"/mandaten/{self.view.mandate.brin}/{self.view.mandate.id}"


async def load_mandate(here: Visit, c: Connection, brin: str, mandate_id: UUID, *, own: bool = False) -> MandatePage:
    """Read a page's mandate; raise `NotFound` when the visitor may not see it, or, if `own`, not change it."""
    chosen = await load_school(here, c, brin)
    view = await mandates.mandate_view(c, mandate_id, here.scope)
    if view is None or view.mandate.brin != brin or (own and not chosen.may_change):
        msg = f"no mandate {mandate_id}"
        raise NotFound(msg)
    services = {each.code: each for each in await register.services(c)}
    return MandatePage(chosen=chosen, view=view, service=services[view.mandate.service_code])


@router.get("/mandaten/{brin}/{mandate_id:uuid}")
async def get_mandate(brin: str, mandate_id: UUID, here: CurrentVisit, einde: str = "") -> Response:
    """Show a mandate, its status per branch, its history and its forms; `einde` fills in another end date."""
    async with here.app.open_pool.acquire() as c:
        opened = await load_mandate(here, c, brin, mandate_id)
        kept = await read_kept(here, c) if opened.chosen.may_change else None
        if kept is not None:
            return await _show_again(here, c, opened, kept)
        dates, end = _current_dates(opened), parse_day(einde)
        return await _show_mandate(here, c, opened, dates if end is None else _with_end(dates, end))


@router.get("/mandaten/{brin}/{mandate_id:uuid}/live")
async def get_mandate_part(brin: str, mandate_id: UUID, here: CurrentVisit) -> Response:
    """Show the part of a mandate's page that changes by itself."""
    async with here.app.open_pool.acquire() as c:
        opened = await load_mandate(here, c, brin, mandate_id)
        return here.show("mandate_live.html", **await _read_live(here, c, opened))


@router.post("/mandaten/{brin}/{mandate_id:uuid}/datums")
async def post_dates(brin: str, mandate_id: UUID, here: CurrentVisit) -> Response:
    """Change the dates."""
    form = await here.form()
    async with here.app.open_pool.acquire() as c:
        opened = await load_mandate(here, c, brin, mandate_id, own=True)
        return await accept(here, c, form, opened.path, _amend(here, c, opened, form))


def _amend(here: Visit, c: Connection, opened: MandatePage, form: FormData) -> Callable[[], Awaitable[str]]:
    mandate, expected = opened.view.mandate, exactly(form.number("version"))

    async def act() -> str:
        patch, faults = parse_patch(form, mandate, here.at.today, here.words)
        if faults:
            refuse(await administration.check_amendment(c, here.actor, mandate.id, patch, expected))
        after = (await administration.amend(c, here.actor, mandate.id, patch, expected)).mandate
        if after.version != mandate.version and form.text("step") != "confirm":
            raise NotAccepted(f"{opened.path}/datums/controle")
        return f"{opened.path}?done=amended"

    return act


async def _show_again(here: Visit, c: Connection, opened: MandatePage, form: FormData) -> Response:
    """Show dates that were not accepted, with what is wrong, or what somebody else changed in the meantime."""
    faults, since = parse_patch(form, opened.view.mandate, here.at.today, here.words)[1], []
    try:
        await attempt(c, _amend(here, c, opened, form))
    except PreconditionFailed:
        faults, since = [], await mandates.events_of(c, opened.view.mandate, form.number("version"))
    except NotAccepted:
        faults = []
    except (InvalidInput, Conflict) as fault:
        faults = merge_errors(faults, fault, here.words)
    return await _show_mandate(here, c, opened, form, faults, since=since)


@router.get("/mandaten/{brin}/{mandate_id:uuid}/datums/controle")
async def get_dates_check(brin: str, mandate_id: UUID, here: CurrentVisit) -> Response:
    """Show who would be told what of new dates."""
    async with here.app.open_pool.acquire() as c:
        opened = await load_mandate(here, c, brin, mandate_id, own=True)
        kept, again = await read_kept(here, c), f"{opened.path}?{KEPT}={quote(here.request.query_params.get(KEPT, ''))}"
        try:
            await attempt(c, _amend(here, c, opened, kept or FormData()))
        except NotAccepted:
            return await _show_dates(here, c, opened, kept or FormData(), again)
        except (InvalidInput, Conflict, PreconditionFailed):
            raise Redirect(again) from None
        raise Redirect(opened.path)


async def _show_dates(here: Visit, c: Connection, opened: MandatePage, form: FormData, again: str) -> Response:
    mandate = opened.view.mandate
    patch, _ = parse_patch(form, mandate, here.at.today, here.words)
    return await show_preview(
        here,
        c,
        "dates_preview.html",
        opened.chosen.school,
        foresee_amendment(c, mandate.id, patch, here.at),
        opened=opened,
        form=form,
        form_again=again,
        after=with_dates(mandate, patch),
    )


@router.get("/mandaten/{brin}/{mandate_id:uuid}/datums")
@router.get("/mandaten/{brin}/{mandate_id:uuid}/kopieren/voorbeeld")
async def get_elsewhere(brin: str, mandate_id: UUID, here: CurrentVisit) -> Response:
    """Redirect a GET of a form's address to the page of the mandate."""
    return here.go(f"/mandaten/{brin}/{mandate_id}")


@router.get("/mandaten/{brin}/{mandate_id:uuid}/intrekken")
async def get_withdrawal(brin: str, mandate_id: UUID, here: CurrentVisit) -> Response:
    """Show what a withdrawal means, with a form for the reason."""
    async with here.app.open_pool.acquire() as c:
        opened = await load_mandate(here, c, brin, mandate_id, own=True)
        kept = await read_kept(here, c)
        if kept is None:
            return await _show_withdrawal(here, c, opened, FormData(), [])
        faults = parse_reason(kept, here.words)[1]
        try:
            await attempt(c, _withdraw(here, c, opened, kept))
        except (InvalidInput, Conflict, PreconditionFailed) as fault:
            faults = merge_errors(faults, fault, here.words)
        return await _show_withdrawal(here, c, opened, kept, faults)


@router.post("/mandaten/{brin}/{mandate_id:uuid}/intrekken")
async def post_withdrawal(brin: str, mandate_id: UUID, here: CurrentVisit) -> Response:
    """Withdraw the mandate."""
    form = await here.form()
    async with here.app.open_pool.acquire() as c:
        opened = await load_mandate(here, c, brin, mandate_id, own=True)
        return await accept(here, c, form, f"{opened.path}/intrekken", _withdraw(here, c, opened, form))


def _withdraw(here: Visit, c: Connection, opened: MandatePage, form: FormData) -> Callable[[], Awaitable[str]]:
    async def act() -> str:
        reason, faults = parse_reason(form, here.words)
        if faults:
            refuse([])
        expected = exactly(form.number("version"))
        await administration.withdraw(c, here.actor, opened.view.mandate.id, reason, expected)
        return f"/mandaten/{opened.view.mandate.brin}?done=withdrawn"

    return act


async def _show_withdrawal(
    here: Visit, c: Connection, opened: MandatePage, form: FormData, faults: Sequence[FormError]
) -> Response:
    return await show_preview(
        here,
        c,
        "withdraw.html",
        opened.chosen.school,
        _foresee_withdrawal(here, c, opened),
        opened=opened,
        form=form,
        faults=FormErrors(faults),
    )


async def _foresee_withdrawal(here: Visit, c: Connection, opened: MandatePage) -> Sequence[DatedEvent]:
    """Return the events of a withdrawal; none for a mandate that is over."""
    try:
        return await foresee_withdrawal(c, opened.view.mandate.id, here.at)
    except Conflict:
        return []


def _with_end(dates: FormData, end: date) -> FormData:
    return FormData({**dates.fields, "end": [dutch_date(end)]})


def _current_dates(opened: MandatePage) -> FormData:
    mandate = opened.view.mandate
    return FormData({"start": [dutch_date(mandate.start_date)], "end": [dutch_date(mandate.end_date)]})


async def _show_mandate(
    here: Visit,
    c: Connection,
    opened: MandatePage,
    form: FormData,
    faults: Sequence[FormError] = (),
    *,
    since: Sequence[RecordedEvent] = (),
) -> Response:
    return here.show(
        "mandate.html",
        **await _read_live(here, c, opened),
        events=await mandates.events_of(c, opened.view.mandate, 0),
        branches=[each for each in opened.chosen.school.branches if each.is_open(here.at.today)],
        has_started=opened.view.mandate.start_date <= here.at.today,
        form=form,
        faults=FormErrors(faults),
        since=since,
    )


async def _read_live(here: Visit, c: Connection, opened: MandatePage) -> dict[str, Any]:
    """Read the part of the page that changes by itself."""
    brin = opened.view.mandate.brin
    mark = (await read_marks(c, [brin])).get(brin, "")
    narrator = await read_narrator(c, here.words, here.at.now)
    return {"opened": opened, "card": await _card(here, c, opened), "narrator": narrator, "mark": mark}


async def _card(here: Visit, c: Connection, opened: MandatePage) -> MandateCard:
    mandate = opened.view.mandate
    status = await school_status(c, mandate.brin, here.at.now, here.at.today, mandate.id)
    return card_of(opened.view, branch_groups(status, mandate) if status else {}, here.at.today)
