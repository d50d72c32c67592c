"""The page of a school for operators: each branch by each service. In: a BRIN. Out: status, routing, age and links."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Response

from hub.console.operations import require_operator
from hub.console.route import PageRoute
from hub.console.schools import load_school
from hub.console.visit import CurrentVisit
from hub.observe.status import Cell, SchoolStatus, school_status
from hub.store import deliveries, observe, operations, register
from hub.store.operations import Hold
from hub.views.deliveries import LaneBody, show_lane

router = APIRouter(include_in_schema=False, route_class=PageRoute)
MAX_LANES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    """A branch, with its cells per service."""

    branch: str
    name: str
    cells: Mapping[str, Sequence[Cell]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolGrid:
    """A table of branches by services."""

    services: Sequence[tuple[str, str]]
    rows: Sequence[GridRow]


@router.get("/console/schools/{brin}")
async def get_school(brin: str, here: CurrentVisit) -> Response:
    """Show what each system was told of each branch, and the lanes of the school."""
    require_operator(here)
    async with here.app.open_pool.acquire() as c:
        chosen = await load_school(here, c, brin)
        status = await school_status(c, chosen.school.brin, here.at.now, here.at.today)
        services = {each.code: each.shown_as for each in await register.services(c)}
        destinations = {each.id: each for each in await observe.read_destinations(c)}
        holds = await operations.list_holds_of_school(c, chosen.school.brin, list(destinations))
        contacts = {code: each.contact for code, each in (await register.systems(c)).items()}
        lanes = await deliveries.list_lanes(c, list(destinations), [brin], None, MAX_LANES)
    shown: list[tuple[str, LaneBody, Hold | None]] = [
        (
            destinations[lane.destination].shown_as,
            show_lane(lane, destinations[lane.destination]),
            holds.get(lane.destination),
        )
        for lane in lanes
    ]
    grid = make_grid(status, services) if status is not None else SchoolGrid(services=(), rows=())
    return here.show(
        "school_grid.html", school=chosen.school, grid=grid, lanes=shown, now=here.at.now, contact_of=contacts
    )


def make_grid(status: SchoolStatus, services: Mapping[str, str]) -> SchoolGrid:
    """Return the table; services without a cell have no column."""
    used = {cell.service_code for branch in status.branches for cell in branch.cells}
    columns = [(code, shown_as) for code, shown_as in services.items() if code in used]
    rows = [
        GridRow(
            branch=branch.branch,
            name=branch.name,
            cells={code: [cell for cell in branch.cells if cell.service_code == code] for code, _ in columns},
        )
        for branch in status.branches
    ]
    return SchoolGrid(services=columns, rows=rows)
