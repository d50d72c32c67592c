"""The page on which a school is chosen. In: a visit. Out: the visitor's schools, those that need something first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Response

from hub.access import Role
from hub.console.glance import ORDER, Glance, Need, glance_at
from hub.console.route import PageRoute
from hub.console.schools import find_schools
from hub.console.visit import CurrentVisit, Redirect, Visit
from hub.console.watch import MAX_LISTED, joint_mark
from hub.errors import NotFound
from hub.observe.status import schools_status
from hub.store import register
from hub.store.pool import Connection
from hub.store.school_deliveries import read_marks
from schemas.identifiers import BRIN, Brin

router = APIRouter(include_in_schema=False, route_class=PageRoute)
PAGE_SIZE: Final = 50
MAX_SUMMED: Final = 200
"""As many schools are summed up and ordered by what they need; more are shown page by page, by their codes."""
BY_NAME: Final = "naam"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolLine:
    """A school of the list, with its state at a glance."""

    brin: Brin
    school: Mapping[str, Any]
    glance: Glance


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolList:
    """The schools that fit the search; `counts` and the order by need only where they are not too many."""

    lines: Sequence[SchoolLine]
    is_whole: bool
    more: Brin | None = None

    @property
    def counts(self) -> Mapping[Need, int]:
        """How many of the schools need what."""
        return {need: sum(line.glance.need is need for line in self.lines) for need in ORDER}

    def chosen(self, need: str, order: str) -> list[SchoolLine]:
        """Return the schools with this need, or all; what needs most comes first, unless ordered by name."""
        lines = [line for line in self.lines if need not in ORDER or line.glance.need == need]
        if not self.is_whole:
            return lines
        by_name = sorted(lines, key=lambda line: (line.school["name"].casefold(), line.brin))
        return by_name if order == BY_NAME else sorted(by_name, key=lambda line: ORDER.index(line.glance.need))


@router.get("/mandaten")
async def get_schools(
    here: CurrentVisit, q: str = "", after: str | None = None, brin: str = "", stand: str = "", volgorde: str = ""
) -> Response:
    """Show the visitor's schools with their state; redirect to the only one."""
    here.require(Role.SCHOOL, Role.OPERATIONS)
    if brin:
        raise Redirect(f"/mandaten/{brin.upper()}") if BRIN.pattern.fullmatch(brin.upper()) else NotFound
    shown = await _read_shown(here, q, after, stand, volgorde)
    lines = shown["found"].lines
    if len(lines) == 1 and not after:
        raise Redirect(f"/mandaten/{lines[0].brin}")
    return here.show("overview.html", **shown)


@router.get("/mandaten/live")
async def get_schools_part(here: CurrentVisit, q: str = "", stand: str = "", volgorde: str = "") -> Response:
    """Show the part of the list that changes by itself."""
    here.require(Role.SCHOOL, Role.OPERATIONS)
    return here.show("overview_live.html", **await _read_shown(here, q, None, stand, volgorde))


async def _read_shown(here: Visit, q: str, after: str | None, stand: str, volgorde: str) -> dict[str, Any]:
    async with here.app.open_pool.acquire() as c:
        found = await read_list(here, c, q.strip(), after)
        brins = [line.brin for line in found.lines]
        is_watched = found.is_whole and 0 < len(brins) <= MAX_LISTED
        mark = joint_mark(await read_marks(c, brins), brins) if is_watched else ""
        services = {each.code: each.shown_as for each in await register.services(c)}
    return {
        "found": found,
        "lines": found.chosen(stand if found.is_whole else "", volgorde),
        "services": services,
        "q": q,
        "stand": stand if stand in ORDER else "",
        "order": volgorde if volgorde == BY_NAME else "",
        "has_boards": len({line.school["bge_code"] for line in found.lines}) > 1,
        "is_watched": is_watched,
        "mark": mark,
        "as_of": here.at.now,
    }


async def read_list(here: Visit, c: Connection, text: str, after: str | None) -> SchoolList:
    """Find schools and sum up each: all of them, or a page where they are many."""
    found = await find_schools(here, c, text, MAX_SUMMED + 1, after)
    is_cut = len(found) > MAX_SUMMED or after is not None
    shown = found[:PAGE_SIZE] if is_cut else found
    states = await schools_status(c, [school["brin"] for school in shown], here.at.now, here.at.today)
    lines = [
        SchoolLine(brin=school["brin"], school=school, glance=glance_at(states[school["brin"]]))
        for school in shown
        if school["brin"] in states
    ]
    return SchoolList(lines=lines, is_whole=not is_cut, more=shown[-1]["brin"] if len(found) > len(shown) else None)
