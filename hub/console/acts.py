"""Pages of bulk jobs, which replay or cancel many deliveries: the list, and one job to approve or stop.

In: a reason. Out: a job and its progress. Above a number of deliveries a second person must approve.
"""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from hub.access.rules import is_operator
from hub.console.form_parsing import parse_reason, refuse
from hub.console.forms import FormData, FormError, FormErrors
from hub.console.history import is_person
from hub.console.kept_forms import accept, find_faults, read_kept
from hub.console.operations import actor_of, require_operator
from hub.console.route import PageRoute
from hub.console.visit import CurrentVisit, Visit
from hub.domain.bulk import BulkKind, BulkState
from hub.errors import NotFound
from hub.operations import bulk
from hub.store import bulk as store
from hub.store import observe, people
from hub.store.pool import Connection

router = APIRouter(include_in_schema=False, route_class=PageRoute)
MAX_JOBS: Final = 20


@router.get("/console/acts")
async def get_acts(here: CurrentVisit) -> Response:
    """List bulk jobs, newest first."""
    require_operator(here)
    async with here.app.open_pool.acquire() as c:
        found = [act for kind in BulkKind for act in await store.list_jobs(c, kind, None, MAX_JOBS)]
        names = {each.name: each.shown_as for each in await observe.read_destinations(c)}
    return here.show("acts.html", acts=sorted(found, key=lambda act: act.asked_at, reverse=True), names=names)


@router.get("/console/acts/{act_id:uuid}")
async def get_act(act_id: UUID, here: CurrentVisit) -> Response:
    """Show a job's progress, with buttons to approve (another person) or stop it."""
    require_operator(here)
    async with here.app.open_pool.acquire() as c:
        kept = await read_kept(here, c)
        if kept is None:
            return await _show_job(here, c, act_id, FormData())
        faults = await find_faults(here, c, parse_reason(kept, here.words)[1], _decide(here, c, act_id, kept))
        return await _show_job(here, c, act_id, kept, faults)


@router.get("/console/acts/{act_id:uuid}/live")
async def get_act_part(act_id: UUID, here: CurrentVisit) -> Response:
    """Show the part of a job's page that changes by itself."""
    if here.caller is None or not is_operator(here.caller):
        return Response(status_code=int(HTTPStatus.UNAUTHORIZED))
    async with here.app.open_pool.acquire() as c:
        return here.show("act_live.html", **await _read_job(here, c, act_id))


@router.post("/console/acts/{act_id:uuid}")
async def post_act(act_id: UUID, here: CurrentVisit) -> Response:
    """Approve or stop a job."""
    require_operator(here)
    form = await here.form()
    async with here.app.open_pool.acquire() as c:
        return await accept(here, c, form, f"/console/acts/{act_id}", _decide(here, c, act_id, form))


def _decide(here: Visit, c: Connection, act_id: UUID, form: FormData) -> Callable[[], Awaitable[str]]:
    push = {"approve": bulk.approve, "stop": bulk.stop}.get(form.text("button"))
    if push is None:
        raise NotFound

    async def act() -> str:
        reason, faults = parse_reason(form, here.words)
        if faults:
            refuse([])
        await push(c, act_id, actor_of(here, reason))
        return f"/console/acts/{act_id}?done={'approved' if form.text('button') == 'approve' else 'stopped'}"

    return act


async def _show_job(
    here: Visit, c: Connection, act_id: UUID, form: FormData, faults: Sequence[FormError] = ()
) -> Response:
    status = HTTPStatus.BAD_REQUEST if faults else HTTPStatus.OK
    job = await _read_job(here, c, act_id)
    return here.show("act.html", status, **job, form=form, faults=FormErrors(faults))


async def _read_job(here: Visit, c: Connection, act_id: UUID) -> dict[str, Any]:
    """Read what the page of a job shows."""
    act = await bulk.read(c, act_id)
    own = await people.find(c, here.user.subject)
    asked = [UUID(each) for each in (act.asked_by, act.approved_by) if each and is_person(each)]
    return {
        "act": act,
        "names": {each.name: each.shown_as for each in await observe.read_destinations(c)},
        "people": await people.names(c, asked),
        "is_own": own is not None and str(own.pseudonym) == act.asked_by,
        "is_waiting": act.state is BulkState.AWAITING_APPROVAL,
        "has_ended": act.state in {BulkState.DONE, BulkState.CANCELLED},
    }
