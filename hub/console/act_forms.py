"""Pages on which a bulk job is put together: choose deliveries, see what would happen, start it.

In: filters in the address, then a reason. Out: a preview, or a job. A preview has an address, so that it can be
reloaded, gone back to, and handed to somebody else.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Response

from hub.console.form_parsing import STATUSES, apply_preset, merge_errors, parse_bulk_filter, parse_reason, refuse
from hub.console.forms import FormData, FormError, FormErrors
from hub.console.kept_forms import accept, read_kept
from hub.console.operations import actor_of, require_operator
from hub.console.route import PageRoute
from hub.console.visit import CurrentVisit, Redirect, Visit
from hub.domain.bulk import BulkKind, needs_approval
from hub.domain.ids import new_id
from hub.errors import InvalidInput
from hub.operations import bulk
from hub.operations.bulk import BulkJobRequest, BulkPreview
from hub.store import observe
from hub.store.pool import Connection

router = APIRouter(include_in_schema=False, route_class=PageRoute)
Kind = Literal["replay", "cancellation"]
FILTERS: Final = ("delivery", "destination", "brins", "status", "from", "to", "rate")
"""The fields of the form, which are also the parameters of an address."""


@router.get("/console/acts/new/{kind}")
async def get_new(kind: Kind, here: CurrentVisit) -> Response:
    """Show the form with filters, filled in as the address says."""
    require_operator(here)
    async with here.app.open_pool.acquire() as c:
        return await _show_form(here, c, BulkKind(kind), _filters(here))


@router.get("/console/acts/preview/{kind}")
async def get_preview(kind: Kind, here: CurrentVisit) -> Response:
    """Show what a job would do; a preset becomes days in the address, so that it stays the same tomorrow."""
    require_operator(here)
    form = _filters(here)
    if form.text("preset"):
        raise Redirect(_address("preview", kind, apply_preset(form, here.at.today)))
    wanted, faults = parse_bulk_filter(form, BulkKind(kind), here.words)
    async with here.app.open_pool.acquire() as c:
        if faults:
            return await _show_form(here, c, wanted.kind, form, faults)
        try:
            found = await bulk.preview(c, wanted, new_id(here.at.now), here.user.subject)
        except InvalidInput as fault:
            return await _show_form(here, c, wanted.kind, form, merge_errors([], fault, here.words))
        kept = await read_kept(here, c)
        faults = [] if kept is None else parse_reason(kept, here.words)[1]
        return await _show_preview(here, c, (wanted, found), kept or form, faults)


@router.post("/console/acts/new/{kind}")
async def post_new(kind: Kind, here: CurrentVisit) -> Response:
    """Start a job."""
    require_operator(here)
    form = await here.form()
    async with here.app.open_pool.acquire() as c:
        return await accept(here, c, form, _address("preview", kind, form), _start(here, c, BulkKind(kind), form))


def _filters(here: Visit) -> FormData:
    """Return the filters that the address names."""
    query = here.request.query_params
    return FormData({name: query.getlist(name) for name in (*FILTERS, "preset") if name in query})


def _address(page: str, kind: str, form: FormData) -> str:
    """Return the address of the form, or of the preview, with the filters of a form."""
    given = {name: texts for name in FILTERS if (texts := [text for text in form.texts(name) if text])}
    return f"/console/acts/{page}/{kind}?{urlencode(given, doseq=True)}".rstrip("?")


def _start(here: Visit, c: Connection, kind: BulkKind, form: FormData) -> Callable[[], Awaitable[str]]:
    async def act() -> str:
        reason, faults = parse_reason(form, here.words)
        wanted, wrong = parse_bulk_filter(form, kind, here.words)
        if faults or wrong:
            refuse([])
        job = await bulk.submit(c, wanted, actor_of(here, reason), _four_eyes_limit(here))
        return f"/console/acts/{job.id}?done=asked"

    return act


def _four_eyes_limit(here: Visit) -> int:
    return here.app.settings.operations.four_eyes_above


async def _show_form(
    here: Visit, c: Connection, kind: BulkKind, form: FormData, faults: Sequence[FormError] = ()
) -> Response:
    status = HTTPStatus.BAD_REQUEST if faults else HTTPStatus.OK
    names = [(each.name, each.shown_as) for each in await observe.read_destinations(c)]
    return here.show(
        "act_new.html",
        status,
        kind=kind.value,
        form=form,
        faults=FormErrors(faults),
        names=names,
        statuses=STATUSES[kind],
    )


async def _show_preview(
    here: Visit,
    c: Connection,
    job: tuple[BulkJobRequest, BulkPreview],
    form: FormData,
    faults: Sequence[FormError] = (),
) -> Response:
    wanted, found = job
    destinations = await observe.read_destinations(c)
    names = {each.id: each.shown_as for each in destinations}
    return here.show(
        "act_preview.html",
        HTTPStatus.BAD_REQUEST if faults else HTTPStatus.OK,
        kind=wanted.kind.value,
        found=found,
        form=form,
        wanted=wanted,
        seconds=len(found.counted.todo) / wanted.rate,
        mix=_mix(found, names),
        names={each.name: each.shown_as for each in destinations},
        faults=FormErrors(faults),
        limit=_four_eyes_limit(here),
        needs_another=needs_approval,
        choose_again=_address("new", wanted.kind.value, form),
    )


def _mix(found: BulkPreview, names: Mapping[int, str]) -> list[tuple[str, int, int]]:
    """Return per destination how many deliveries a job is about, and how many of them are ends of mandates."""
    counts: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    for each in found.counted.todo:
        destination = each.unit[0]
        name = names.get(destination, str(destination))
        counts[name] += 1
        ends[name] += each.is_end
    return [(name, n, ends[name]) for name, n in counts.most_common()]
