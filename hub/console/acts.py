"""Pages of bulk jobs, which replay or cancel many deliveries: filter, preview, confirm, approve, stop.

In: filters and a reason. Out: a job and its progress. Above a number of deliveries a second person must approve.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final, Literal
from uuid import UUID

from fastapi import APIRouter, Response

from hub.console.form_parsing import STATUSES, apply_preset, merge_errors, parse_bulk_filter, parse_reason
from hub.console.forms import FormData, FormError, FormErrors
from hub.console.operations import actor_of, require_operator
from hub.console.route import PageRoute
from hub.console.visit import CurrentVisit, Visit
from hub.domain.bulk import BulkKind, BulkState, needs_approval
from hub.domain.ids import new_id
from hub.errors import Conflict, InvalidInput, NotFound
from hub.operations import bulk
from hub.operations.bulk import BulkJobRequest, BulkPreview
from hub.store import bulk as store
from hub.store import observe, people
from hub.store.pool import Connection

router = APIRouter(include_in_schema=False, route_class=PageRoute)
MAX_JOBS: Final = 20
Kind = Literal["replay", "cancellation"]


@router.get("/console/acts")
async def get_acts(here: CurrentVisit) -> Response:
    """List bulk jobs, newest first."""
    require_operator(here)
    async with here.app.open_pool.acquire() as c:
        found = [act for kind in BulkKind for act in await store.list_jobs(c, kind, None, MAX_JOBS)]
    return here.show("acts.html", acts=sorted(found, key=lambda act: act.asked_at, reverse=True))


@router.get("/console/acts/new/{kind}")
async def get_new(kind: Kind, here: CurrentVisit, destination: str = "", status: str = "") -> Response:
    """Show the form with filters."""
    require_operator(here)
    async with here.app.open_pool.acquire() as c:
        return await _show_form(here, c, BulkKind(kind), FormData({"destination": [destination], "status": [status]}))


@router.post("/console/acts/new/{kind}")
async def post_new(kind: Kind, here: CurrentVisit) -> Response:
    """Show a preview of the job, or start it."""
    require_operator(here)
    form = apply_preset(await here.form(), here.at.today)
    wanted, faults = parse_bulk_filter(form, BulkKind(kind), here.words)
    async with here.app.open_pool.acquire() as c:
        if faults or form.text("step") == "choose":
            return await _show_form(here, c, wanted.kind, form, faults)
        try:
            found = await bulk.preview(c, wanted, new_id(here.at.now), here.user.subject)
        except InvalidInput as fault:
            return await _show_form(here, c, wanted.kind, form, merge_errors([], fault, here.words))
        if form.text("step") != "confirm":
            return await _show_preview(here, c, (wanted, found), form)
        reason, faults = parse_reason(form, here.words)
        if faults:
            return await _show_preview(here, c, (wanted, found), form, faults)
        async with c.transaction():
            act = await bulk.submit(c, wanted, actor_of(here, reason), _four_eyes_limit(here))
    return here.go(f"/console/acts/{act.id}", "asked")


@router.get("/console/acts/{act_id:uuid}")
async def get_act(act_id: UUID, here: CurrentVisit) -> Response:
    """Show a job's progress, with buttons to approve (another person) or stop it."""
    require_operator(here)
    async with here.app.open_pool.acquire() as c:
        return await _show_job(here, c, act_id, FormData())


@router.post("/console/acts/{act_id:uuid}")
async def post_act(act_id: UUID, here: CurrentVisit) -> Response:
    """Approve or stop a job."""
    require_operator(here)
    form = await here.form()
    reason, faults = parse_reason(form, here.words)
    push = {"approve": bulk.approve, "stop": bulk.stop}.get(form.text("button"))
    if push is None:
        raise NotFound
    async with here.app.open_pool.acquire() as c:
        if faults:
            return await _show_job(here, c, act_id, form, faults)
        try:
            async with c.transaction():
                await push(c, act_id, actor_of(here, reason))
        except Conflict as fault:
            return await _show_job(here, c, act_id, form, merge_errors([], fault, here.words))
    return here.go(f"/console/acts/{act_id}", "approved" if form.text("button") == "approve" else "stopped")


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
    names = {each.id: each.shown_as for each in await observe.read_destinations(c)}
    return here.show(
        "act_preview.html",
        HTTPStatus.BAD_REQUEST if faults else HTTPStatus.OK,
        kind=wanted.kind.value,
        found=found,
        form=form,
        wanted=wanted,
        seconds=len(found.counted.todo) / wanted.rate,
        mix=_mix(found, names),
        faults=FormErrors(faults),
        limit=_four_eyes_limit(here),
        needs_another=needs_approval,
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


async def _show_job(
    here: Visit, c: Connection, act_id: UUID, form: FormData, faults: Sequence[FormError] = ()
) -> Response:
    act = await bulk.read(c, act_id)
    async with c.transaction():
        own = await people.find(c, here.user.subject)
    return here.show(
        "act.html",
        HTTPStatus.BAD_REQUEST if faults else HTTPStatus.OK,
        act=act,
        form=form,
        faults=FormErrors(faults),
        is_own=own is not None and str(own.pseudonym) == act.asked_by,
        is_waiting=act.state is BulkState.AWAITING_APPROVAL,
        has_ended=act.state in {BulkState.DONE, BulkState.CANCELLED},
    )
