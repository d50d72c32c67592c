"""The page of parked records: a list by pages, and decisions on many at once.

In: chosen records and a reason. Out: what became of each, at an address that can be reloaded.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from hub.access import Actor
from hub.console.form_parsing import parse_reason
from hub.console.forms import FormData, FormError, FormErrors
from hub.console.i18n import Translator
from hub.console.kept_forms import KEPT, accept_parts, keep, read_kept
from hub.console.operations import actor_of, require_operator
from hub.console.route import PageRoute
from hub.console.visit import CurrentVisit, Visit
from hub.errors import Conflict, HubError, NotFound
from hub.operations import controls
from hub.operations.controls import NOTIFIED_CHANNELS
from hub.store import operations, page_forms
from hub.store.operations import Parked
from hub.store.pool import Connection
from schemas.masking import mask_numbers

router = APIRouter(include_in_schema=False, route_class=PageRoute)
PER_PAGE: Final = 25
MAX_CONTENT_LENGTH: Final = 2000
HIGHEST_ID: Final = 2**63 - 1
NOT_THERE: Final = "not_there"
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
    refused: Sequence[tuple[str, str]]


@router.get("/console/parked")
async def get_list(
    here: CurrentVisit, after: Annotated[int, Query(ge=0, le=HIGHEST_ID)] = 0, ticked: str = ""
) -> Response:
    """List the parked records that wait for a decision, oldest first; with `ticked`, all of the page are chosen."""
    require_operator(here)
    async with here.app.open_pool.acquire() as c:
        kept = await read_kept(here, c) or FormData()
        result = _read_result(kept, here.words)
        faults = _find_faults(kept, here.words) if kept.fields and result is None else []
        found = await operations.list_parked(c, after=after, state="open", reason=None, most=PER_PAGE + 1)
    return here.show(
        "parked.html",
        HTTPStatus.BAD_REQUEST if faults else HTTPStatus.OK,
        parked=[_view(each) for each in found[:PER_PAGE]],
        more=found[PER_PAGE - 1].id if len(found) > PER_PAGE else None,
        after=after,
        ticked=[str(each.id) for each in found] if ticked else kept.texts("record"),
        form=FormData() if result else kept,
        faults=FormErrors(faults),
        result=result,
    )


@router.post("/console/parked")
async def post_list(here: CurrentVisit) -> Response:
    """Retry or discard the chosen records, each in a transaction of its own, and lead to what became of them."""
    require_operator(here)
    form = await here.form()
    path = f"/console/parked?after={form.number('after')}"
    decide = DECISIONS.get(form.text("button"))
    if decide is None:
        raise NotFound
    async with here.app.open_pool.acquire() as c:
        if _find_faults(form, here.words):
            return await keep(here, c, form, path)

        async def act() -> str:
            result = await _decide_all(here, c, decide, form)
            return f"{path}&{KEPT}={await page_forms.keep(c, here.session_id, result, here.at.now)}"

        return await accept_parts(here, c, form, path, act)


def _find_faults(form: FormData, words: Translator) -> list[FormError]:
    faults = parse_reason(form, words)[1]
    return faults if _ids(form) else [*faults, FormError("record", words("none_ticked"))]


def _ids(form: FormData) -> list[int]:
    texts = (text for text in form.texts("record") if text.isascii() and text.isdecimal())
    return [number for text in texts if (number := int(text)) <= HIGHEST_ID][:PER_PAGE]


async def _decide_all(here: Visit, c: Connection, decide: Decide, form: FormData) -> dict[str, list[str]]:
    """Decide on each record, and return what became of all as the fields of a form that is kept."""
    ids, refused = _ids(form), dict[int, str]()
    actor = actor_of(here, form.text("reason"))
    for each in ids:
        try:
            async with c.transaction():
                await decide(c, each, actor, here.app.settings.operations.four_eyes_above)
        except HubError as fault:
            refused[each] = fault.reason if isinstance(fault, Conflict) else NOT_THERE
    here.notify(*NOTIFIED_CHANNELS)
    return {
        "result": [form.text("button")],
        "done": [str(len(ids) - len(refused))],
        "refused": [str(each) for each in refused],
        "why": list(refused.values()),
    }


def _read_result(kept: FormData, words: Translator) -> BulkDecision | None:
    """Return what became of a decision, in the language of the page; None for a form that was not accepted."""
    button = kept.text("result")
    if button not in DECISIONS:
        return None
    why = kept.fields.get("why", ())
    said = (words(code) if code == NOT_THERE else words.error("", code, code) for code in why)
    refused = list(zip(kept.fields.get("refused", ()), said, strict=False))
    return BulkDecision(button=button, done=kept.number("done"), refused=refused)


def _view(record: Parked) -> ParkedView:
    """Return a parked record with the start of its content; numbers that may be a person's are masked."""
    text = mask_numbers((record.bytes or b"").decode(errors="replace"))
    return ParkedView(record=record, text=text[:MAX_CONTENT_LENGTH], is_cut=len(text) > MAX_CONTENT_LENGTH)
