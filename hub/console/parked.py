"""Pages of parked records: a list by pages, one record, and decisions on many at once. In: a form with a reason."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Response

from hub.access import Actor
from hub.console.form_parsing import parse_reason
from hub.console.forms import FormData, FormError, FormErrors
from hub.console.operations import actor_of, require_operator
from hub.console.route import PageRoute
from hub.console.visit import CurrentVisit, Visit
from hub.errors import HubError, InvalidInput, NotFound
from hub.operations import controls
from hub.operations.controls import NOTIFIED_CHANNELS
from hub.store import operations
from hub.store.operations import Parked
from hub.store.pool import Connection
from schemas.masking import mask_numbers

router = APIRouter(include_in_schema=False, route_class=PageRoute)
PER_PAGE: Final = 25
MAX_CONTENT_LENGTH: Final = 2000
HIGHEST_ID: Final = 2**63 - 1
ParkedId = Annotated[int, Path(ge=1, le=HIGHEST_ID)]
Decide = Callable[[Connection, int, Actor, int], Awaitable[Parked]]
DECISIONS: Final[dict[str, Decide]] = {"retry": controls.retry, "discard": controls.discard}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedView:
    """A parked record and the start of its content."""

    record: Parked
    text: str
    is_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkDecision:
    """What became of a decision on many records: how many it was carried out for, and why not for others."""

    button: str
    done: int
    refused: Sequence[tuple[int, str]]


@router.get("/console/parked")
async def get_list(here: CurrentVisit, after: Annotated[int, Query(ge=0, le=HIGHEST_ID)] = 0) -> Response:
    """List the parked records that wait for a decision, oldest first."""
    require_operator(here)
    return await _show(here, after, FormData())


@router.post("/console/parked")
async def post_list(here: CurrentVisit) -> Response:
    """Retry or discard the chosen records, each in a transaction of its own."""
    require_operator(here)
    form = await here.form()
    after = form.number("after")
    reason, faults = parse_reason(form, here.words)
    decide = DECISIONS.get(form.text("button"))
    if decide is None:
        raise NotFound
    ids = [
        int(text) for text in form.texts("record") if text.isascii() and text.isdecimal() and int(text) <= HIGHEST_ID
    ]
    if not ids:
        faults = [*faults, FormError("record", here.words("none_ticked"))]
    if faults:
        return await _show(here, after, form, faults)
    result = await _decide_all(here, decide, ids[:PER_PAGE], form.text("button"), reason)
    return await _show(here, after, FormData(), result=result)


@router.get("/console/parked/{parked_id}")
async def get_parked(parked_id: ParkedId, here: CurrentVisit) -> Response:
    """Redirect a GET of a form's address to the list, with this record first."""
    require_operator(here)
    return here.go(f"/console/parked?after={parked_id - 1}")


@router.post("/console/parked/{parked_id}")
async def post_parked(parked_id: ParkedId, here: CurrentVisit) -> Response:
    """Retry or discard one parked record."""
    require_operator(here)
    form = await here.form()
    reason, faults = parse_reason(form, here.words)
    decide = DECISIONS.get(form.text("button"))
    if decide is None:
        raise NotFound
    if faults:
        raise InvalidInput([], faults[0].says)
    async with here.app.open_pool.acquire() as c, c.transaction():
        await decide(c, parked_id, actor_of(here, reason), _limit(here))
    here.notify(*NOTIFIED_CHANNELS)
    return here.go("/console/parked", "retried" if form.text("button") == "retry" else "discarded")


async def _decide_all(here: Visit, decide: Decide, ids: Sequence[int], button: str, reason: str) -> BulkDecision:
    refused: list[tuple[int, str]] = []
    async with here.app.open_pool.acquire() as c:
        for each in ids:
            try:
                async with c.transaction():
                    await decide(c, each, actor_of(here, reason), _limit(here))
            except HubError as fault:
                refused.append((each, here.words.fault(fault)))
    here.notify(*NOTIFIED_CHANNELS)
    return BulkDecision(button=button, done=len(ids) - len(refused), refused=refused)


def _limit(here: Visit) -> int:
    return here.app.settings.operations.four_eyes_above


async def _show(
    here: Visit, after: int, form: FormData, faults: Sequence[FormError] = (), result: BulkDecision | None = None
) -> Response:
    async with here.app.open_pool.acquire() as c:
        found = await operations.list_parked(c, after=after, state="open", reason=None, most=PER_PAGE + 1)
    return here.show(
        "parked.html",
        HTTPStatus.BAD_REQUEST if faults else HTTPStatus.OK,
        parked=[_view(each) for each in found[:PER_PAGE]],
        more=found[PER_PAGE - 1].id if len(found) > PER_PAGE else None,
        after=after,
        form=form,
        faults=FormErrors(faults),
        result=result,
    )


def _view(record: Parked) -> ParkedView:
    """Return a parked record with the start of its content; numbers that may be a person's are masked."""
    text = mask_numbers((record.bytes or b"").decode(errors="replace"))
    return ParkedView(record=record, text=text[:MAX_CONTENT_LENGTH], is_cut=len(text) > MAX_CONTENT_LENGTH)
