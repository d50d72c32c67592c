"""Pages that list schools, show a school's mandates and its history. In: a visit. Out: pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Response

from hub.access import Role
from hub.access.rules import is_operator, may_administer
from hub.console.history import Historian, pseudonyms
from hub.console.progress import read_narrator
from hub.console.route import PageRoute
from hub.console.school_view import view_school
from hub.console.visit import CurrentVisit, Visit
from hub.domain.school import School
from hub.errors import NotFound
from hub.observe.status import school_status
from hub.store import mandates, people, register
from hub.store.audit_search import AuditSearch, list_audit
from hub.store.mandates import MandateFilter, SchoolFilter
from hub.store.pool import Connection
from hub.store.school_deliveries import read_marks
from schemas.identifiers import BGE_CODE, BRIN, BgeCode, Brin

router = APIRouter(include_in_schema=False, route_class=PageRoute)
MAX_MANDATES: Final = 1000
MAX_AUDIT_ENTRIES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolPage:
    """The school that a page is about."""

    school: School
    may_change: bool


async def load_school(here: Visit, c: Connection, brin: str) -> SchoolPage:
    """Read a page's school; raise `NotFound` when the visitor may not see it."""
    here.require(Role.SCHOOL, Role.OPERATIONS)
    is_brin = BRIN.pattern.fullmatch(brin) is not None
    if not is_brin or not await mandates.list_schools(c, SchoolFilter(brin=Brin(brin)), here.scope, 1):
        msg = f"no school {brin}"
        raise NotFound(msg)
    school = (await register.read_schools(c, [brin]))[Brin(brin)]
    return SchoolPage(school=school, may_change=may_administer(here.user, school))


async def load_own_school(here: Visit, c: Connection, brin: str) -> School:
    """Read a school that the visitor administers; raise `NotFound` for another."""
    chosen = await load_school(here, c, brin)
    if not chosen.may_change:
        msg = f"no school {brin}"
        raise NotFound(msg)
    return chosen.school


async def find_schools(
    here: Visit, c: Connection, text: str, max_size: int, after: str | None = None
) -> Sequence[Mapping[str, Any]]:
    """Find schools that the visitor may see, by code, board or part of the name."""
    code = text.upper()
    if BRIN.pattern.fullmatch(code):
        chosen = SchoolFilter(brin=Brin(code), after=after)
    elif BGE_CODE.pattern.fullmatch(code):
        chosen = SchoolFilter(bge_code=BgeCode(code), after=after)
    else:
        chosen = SchoolFilter(name=text or None, after=after)
    return await mandates.list_schools(c, chosen, here.scope, max_size)


@router.get("/mandaten/{brin}")
async def get_school(brin: str, here: CurrentVisit) -> Response:
    """Show a school's mandates and their status."""
    return here.show("school.html", **await _read_school(here, brin))


@router.get("/mandaten/{brin}/live")
async def get_school_part(brin: str, here: CurrentVisit) -> Response:
    """Show the part of the school's page that changes by itself."""
    return here.show("school_live.html", **await _read_school(here, brin))


async def _read_school(here: Visit, brin: str) -> dict[str, Any]:
    async with here.app.open_pool.acquire() as c:
        chosen = await load_school(here, c, brin)
        mark = (await read_marks(c, [brin])).get(brin, "")
        services = await register.services(c)
        views = await mandates.mandate_views(c, MandateFilter(brin=chosen.school.brin), here.scope, MAX_MANDATES)
        status = await school_status(c, chosen.school.brin, here.at.now, here.at.today)
        narrator = await read_narrator(c, here.words, here.at.now)
    shown = view_school(status, views, services, here.at.today) if status else []
    return {"chosen": chosen, "services": shown, "as_of": here.at.now, "narrator": narrator, "mark": mark}


@router.get("/mandaten/{brin}/geschiedenis")
async def get_history(brin: str, here: CurrentVisit) -> Response:
    """Show who did what with a school's mandates, newest first."""
    async with here.app.open_pool.acquire() as c:
        chosen = await load_school(here, c, brin)
        notes = await list_audit(c, AuditSearch(brin=brin), MAX_AUDIT_ENTRIES)
        views = await mandates.mandate_views(c, MandateFilter(brin=chosen.school.brin), here.scope, MAX_MANDATES)
        references = await register.references(c)
        historian = Historian(
            words=here.words,
            reader=here.user.subject,
            is_operator=is_operator(here.user),
            people=await people.names(c, pseudonyms(notes)),
            systems={str(code): name for code, name in references.names.items()},
            services={code: service.shown_as for code, service in references.services.items()},
        )
    shown = {str(view.mandate.id) for view in views}
    return here.show("history.html", chosen=chosen, lines=[historian.tell(note) for note in notes], shown=shown)
