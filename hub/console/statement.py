"""The page of a month's statement: what each party owed and took. In: a month. Out: a page, in both languages."""

from typing import Final

from fastapi import APIRouter, Response

from hub.clock import AMSTERDAM
from hub.console.operations import require_operator
from hub.console.route import PageRoute
from hub.console.visit import CurrentVisit
from hub.observe.statement import MONTH, read_statement
from hub.store import observe
from hub.store.objectives import default_objective
from hub.views.statement import show_statement

router = APIRouter(include_in_schema=False, route_class=PageRoute)
MONTHS_SHOWN: Final = 18
MONTHS_IN_YEAR: Final = 12


@router.get("/console/statement")
async def get_statement(here: CurrentVisit, month: str = "") -> Response:
    """Show the statement of a month; of this month when none, or none that exists, is named."""
    require_operator(here)
    today = here.at.now.astimezone(AMSTERDAM)
    chosen = month if MONTH.fullmatch(month) else today.strftime("%Y-%m")
    async with here.app.open_pool.acquire() as c:
        found = await read_statement(c, chosen, here.at.now, default_objective(here.app.settings))
        names = {each.name: each.shown_as for each in await observe.read_destinations(c)}
    months = _months_until(today.year, today.month)
    return here.show("statement.html", statement=show_statement(found), months=months, names=names)


def _months_until(year: int, month: int) -> list[str]:
    """Return the months of which deliveries are kept, newest first."""
    last = year * MONTHS_IN_YEAR + month - 1
    return [f"{n // MONTHS_IN_YEAR}-{n % MONTHS_IN_YEAR + 1:02}" for n in range(last, last - MONTHS_SHOWN, -1)]
