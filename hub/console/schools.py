"""The pages on which an administrator chooses a school and sees how it stands. In: who asks. Out: pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Response

from hub.console.desk import Elsewhere, Visit, VisitHere
from hub.console.route import PageRoute
from hub.console.school_view import view_school
from hub.domain.school import School
from hub.errors import NotFound
from hub.observe.status import school_status
from hub.sight import administers
from hub.store import mandates, operations, register
from hub.store.mandates import Wanted, WantedSchools
from hub.store.pool import Connection
from hub.tokens import Role
from schemas.identifiers import BGE_CODE, BRIN, BgeCode, Brin

router = APIRouter(include_in_schema=False, route_class=PageRoute)
A_PAGE: Final = 50
MOST_MANDATES: Final = 1000
MOST_NOTES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The school that a page is about."""

    school: School
    may_change: bool


async def choose(here: Visit, c: Connection, brin: str) -> Chosen:
    """Read the school of a page; `NotFound` for one that the visitor may not see."""
    here.require(Role.SCHOOL, Role.OPERATIONS)
    is_brin = BRIN.pattern.fullmatch(brin) is not None
    if not is_brin or not await mandates.list_schools(c, WantedSchools(brin=Brin(brin)), here.sight, 1):
        msg = f"no school {brin}"
        raise NotFound(msg)
    school = (await register.read_schools(c, [brin]))[Brin(brin)]
    return Chosen(school=school, may_change=administers(here.known, school))


async def choose_own(here: Visit, c: Connection, brin: str) -> School:
    """Read a school that the visitor administers; `NotFound` for another."""
    chosen = await choose(here, c, brin)
    if not chosen.may_change:
        msg = f"no school {brin}"
        raise NotFound(msg)
    return chosen.school


async def find_schools(
    here: Visit, c: Connection, text: str, most: int, after: str | None = None
) -> Sequence[Mapping[str, Any]]:
    """Find schools that the visitor may see: by code, by board, or by a part of the name."""
    code = text.upper()
    if BRIN.pattern.fullmatch(code):
        wanted = WantedSchools(brin=Brin(code), after=after)
    elif BGE_CODE.pattern.fullmatch(code):
        wanted = WantedSchools(bge_code=BgeCode(code), after=after)
    else:
        wanted = WantedSchools(name=text or None, after=after)
    return await mandates.list_schools(c, wanted, here.sight, most)


@router.get("/mandaten")
async def get_schools(here: VisitHere, q: str = "", after: str | None = None, brin: str = "") -> Response:
    """Let a visitor choose a school; with only one there is nothing to choose."""
    here.require(Role.SCHOOL, Role.OPERATIONS)
    if brin:
        raise Elsewhere(f"/mandaten/{brin.upper()}") if BRIN.pattern.fullmatch(brin.upper()) else NotFound
    async with here.wired.open_pool.acquire() as c:
        found = await find_schools(here, c, q.strip(), A_PAGE + 1, after)
    if len(found) == 1 and not after:
        raise Elsewhere(f"/mandaten/{found[0]['brin']}")
    more = found[A_PAGE - 1]["brin"] if len(found) > A_PAGE else None
    return here.show("schools.html", schools=found[:A_PAGE], q=q, more=more)


@router.get("/mandaten/{brin}")
async def get_school(brin: str, here: VisitHere) -> Response:
    """Say which mandates a school gave, and what became of them."""
    async with here.wired.open_pool.acquire() as c:
        chosen = await choose(here, c, brin)
        services = await register.services(c)
        views = await mandates.mandate_views(c, Wanted(brin=chosen.school.brin), here.sight, MOST_MANDATES)
        status = await school_status(c, chosen.school.brin, here.at.now, here.at.today)
    shown = view_school(status, views, services, here.at.today) if status else []
    return here.show("school.html", chosen=chosen, services=shown, as_of=here.at.now)


@router.get("/mandaten/{brin}/geschiedenis")
async def get_history(brin: str, here: VisitHere) -> Response:
    """Say who changed what of a school, newest first."""
    async with here.wired.open_pool.acquire() as c:
        chosen = await choose(here, c, brin)
        notes = await operations.list_audit(c, brin=brin, since=None, until=None, before=None, most=MOST_NOTES)
        views = await mandates.mandate_views(c, Wanted(brin=chosen.school.brin), here.sight, MOST_MANDATES)
        services = {row["code"]: row["shown_as"] for row in await register.services(c)}
    named = {str(view.mandate.id): view for view in views}
    return here.show("history.html", chosen=chosen, notes=notes, mandates=named, services=services)
