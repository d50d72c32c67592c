"""The page of a month's statement: what each party owed and took. In: a month. Out: a page, in both languages."""

from typing import Final

from fastapi import APIRouter, Response

from hub.clock import AMSTERDAM
from hub.console.operations import require_operator
from hub.console.route import PageRoute
from hub.console.visit import CurrentVisit, Visit
from hub.observe.statement import MONTH, Statement
from hub.observe.statement_making import StatementProgress, making_of
from hub.store import observe
from hub.store.objectives import default_objective
from hub.views.statement import show_statement

router = APIRouter(include_in_schema=False, route_class=PageRoute)
MONTHS_SHOWN: Final = 18
MONTHS_IN_YEAR: Final = 12
PATIENCE_SECONDS: Final = 0.1
"""What takes longer goes on while the page shows how far it is."""
LIVE_PATIENCE_SECONDS: Final = 1.5
"""Scripts ask for the rest of the page at once, and are answered when it is made or this is over."""


@router.get("/console/statement")
async def get_statement(here: CurrentVisit, month: str = "") -> Response:
    """Show the statement of a month; of this month when none, or none that exists, is named."""
    return await _show(here, month, "statement.html", PATIENCE_SECONDS)


@router.get("/console/statement/live")
async def get_statement_part(here: CurrentVisit, month: str = "") -> Response:
    """Show the part of the page that changes while a statement is being made."""
    return await _show(here, month, "statement_live.html", LIVE_PATIENCE_SECONDS)


async def _show(here: Visit, month: str, template: str, patience: float) -> Response:
    require_operator(here)
    today = here.at.now.astimezone(AMSTERDAM)
    chosen = month if MONTH.fullmatch(month) else today.strftime("%Y-%m")
    make = making_of(here.app.open_pool, chosen, here.at.now, default_objective(here.app.settings))
    found = await here.app.statements.ask(chosen, make, patience)
    is_made = not isinstance(found, StatementProgress)
    async with here.app.open_pool.acquire() as c:
        names = {each.name: each.shown_as for each in await observe.read_destinations(c)}
    return here.show(
        template,
        month=chosen,
        months=_months_until(today.year, today.month),
        statement=show_statement(found) if isinstance(found, Statement) else None,
        progress=None if is_made else found,
        names=names,
    )


def _months_until(year: int, month: int) -> list[str]:
    """Return the months of which deliveries are kept, newest first."""
    last = year * MONTHS_IN_YEAR + month - 1
    return [f"{n // MONTHS_IN_YEAR}-{n % MONTHS_IN_YEAR + 1:02}" for n in range(last, last - MONTHS_SHOWN, -1)]
