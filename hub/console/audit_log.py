"""The page of the audit: who did what, to which school or destination, and why. In: filters. Out: sentences.

An import is one line, with a link to the entries of its schools, unless a school or an action is chosen.
"""

from datetime import datetime, time, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from hub.clock import AMSTERDAM
from hub.console.forms import parse_day
from hub.console.i18n.codes import ACTIONS
from hub.console.operations import require_operator
from hub.console.route import PageRoute
from hub.console.visit import CurrentVisit
from hub.store import audit_search, observe
from hub.store.audit_search import AuditSearch

router = APIRouter(include_in_schema=False, route_class=PageRoute)
PER_PAGE: Final = 50
YEARS: Final = range(2000, 2101)


class AuditQuery(BaseModel):
    """The filters of the page: a school, an action, days, the digest of an imported file; and where it goes on."""

    brin: str = ""
    action: str = ""
    first: Annotated[str, Field(alias="from")] = ""
    last: Annotated[str, Field(alias="to")] = ""
    file: str = ""
    before: Annotated[int | None, Field(ge=1, le=2**63 - 1)] = None


@router.get("/console/audit")
async def get_audit(here: CurrentVisit, query: Annotated[AuditQuery, Query()]) -> Response:
    """Show the entries that fit the filters, newest first."""
    require_operator(here)
    chosen = {**query.model_dump(by_alias=True), "brin": query.brin.strip().upper()}
    actions = [query.action] if query.action in ACTIONS else None
    async with here.app.open_pool.acquire() as c:
        wanted = AuditSearch(
            brin=chosen["brin"] or None,
            since=_midnight(query.first),
            until=_midnight(query.last, days=1),
            actions=actions,
            file=query.file or None,
            is_folded=not (chosen["brin"] or actions or query.file),
            before=query.before,
        )
        found, more = await audit_search.search_audit(c, wanted, PER_PAGE)
        names = {each.name: each.shown_as for each in await observe.read_destinations(c)}
    return here.show(
        "audit.html",
        entries=found,
        more=more,
        names=names,
        chosen=chosen,
        actions=list(ACTIONS),
    )


def _midnight(text: str, days: int = 0) -> datetime | None:
    """Return the midnight in Amsterdam with which a day begins; None for no day."""
    day = parse_day(text)
    if day is None or day.year not in YEARS:
        return None
    return datetime.combine(day + timedelta(days), time.min, AMSTERDAM)
