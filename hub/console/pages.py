"""The routes of the pages. In: requests of browsers. Out: pages, and buttons that were pressed."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from hub import operate
from hub.clock import today
from hub.console.desk import COOKIE, HERE, Visit, reader_of, visit
from hub.errors import HubError, InvalidInput, NotAuthenticated
from hub.observe.lag import Lag
from hub.observe.status import school_status
from hub.operate import BELLS, Press
from hub.store import mandates, operations
from hub.store.mandates import Sight, WantedSchools
from hub.store.pool import Connection
from hub.store.wake import ring
from hub.tokens import Role
from schemas.identifiers import BRIN, Brin

router = APIRouter(include_in_schema=False)
MOST_PARKED: Final = 20
MOST_SCHOOLS: Final = 1000
STATIC: Final = {"console.css": "text/css", "console.js": "text/javascript"}


@router.get("/console")
async def get_console(request: Request) -> Response:
    """Say what is late, whose turn it is, and what to press."""
    here = await visit(request)
    if (elsewhere := _turn_away(here)) is not None:
        return elsewhere
    async with here.wired.open_pool.acquire() as c:
        parked = await operations.list_parked(c, after=0, state="open", reason=None, most=MOST_PARKED)
    return here.show("operations.html", lag=await _lag(here), parked=parked)


@router.get("/console/live")
async def get_live(request: Request) -> Response:
    """Show the part of the page that changes."""
    here = await visit(request)
    if here.caller is None or not here.caller.has(Role.OPERATIONS):
        return Response(status_code=HTTPStatus.UNAUTHORIZED)
    return here.show("live.html", lag=await _lag(here))


@router.get("/console/static/{name}")
async def get_static(name: str) -> Response:
    """Give the style and the script."""
    if name not in STATIC:
        return Response(status_code=HTTPStatus.NOT_FOUND)
    return Response((HERE / "static" / name).read_bytes(), media_type=STATIC[name])


@router.get("/console/login")
async def get_login(request: Request) -> Response:
    """Ask for a token."""
    return (await visit(request)).show("login.html", is_wrong=False)


@router.post("/console/login")
async def post_login(request: Request) -> Response:
    """Keep a token that is believed in a cookie, and go where its bearer belongs."""
    here = await visit(request)
    token = (await here.form()).get("token", "")
    try:
        caller = await here.wired.verifier.verify(token)
    except NotAuthenticated:
        return here.show("login.html", HTTPStatus.UNAUTHORIZED, is_wrong=True)
    answer = here.go("/console" if caller.has(Role.OPERATIONS) else "/mandaten")
    is_safe = here.wired.settings.http.address.startswith("https:")
    answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=is_safe, path="/")
    return answer


@router.post("/console/logout")
async def post_logout(request: Request) -> Response:
    """Forget the token."""
    answer = (await visit(request)).go("/console/login")
    answer.delete_cookie(COOKIE, path="/")
    return answer


@router.post("/console/press")
async def post_press(request: Request) -> Response:
    """Do what a button says, with the reason that was given."""
    here = await visit(request)
    if (elsewhere := _turn_away(here)) is not None:
        return elsewhere
    try:
        await _press(here, await here.form())
    except HubError as fault:
        return here.show("failed.html", HTTPStatus.BAD_REQUEST, fault=str(fault))
    return here.go("/console")


@router.get("/mandaten")
async def get_mandates(request: Request, brin: str | None = None) -> Response:
    """Say what became of a school's mandates, per branch."""
    here = await visit(request)
    if here.caller is None:
        return here.go("/console/login")
    if not here.caller.has(Role.SCHOOL, Role.OPERATIONS):
        return here.show("failed.html", HTTPStatus.FORBIDDEN, fault=here.words("no_access"))
    everything = here.caller.has(Role.OPERATIONS)
    sight = Sight(everything=everything, brins=here.caller.brins, bges=here.caller.bges)
    at = here.wired.clock()
    async with here.wired.open_pool.acquire() as c:
        schools = [] if everything else await mandates.list_schools(c, WantedSchools(), sight, MOST_SCHOOLS)
        chosen = await _choose(c, brin, schools, sight)
        school = await school_status(c, chosen, at, today(at)) if chosen else None
    return here.show("school.html", schools=schools, school=school, brin=brin or "", everything=everything)


async def _choose(c: Connection, brin: str | None, own: Sequence[Mapping[str, Any]], sight: Sight) -> Brin | None:
    if brin and BRIN.pattern.fullmatch(brin):
        found = await mandates.list_schools(c, WantedSchools(brin=Brin(brin)), sight, 1)
        return Brin(brin) if found else None
    return Brin(own[0]["brin"]) if len(own) == 1 else None


def _turn_away(here: Visit) -> Response | None:
    if here.caller is None:
        return here.go("/console/login")
    if not here.caller.has(Role.OPERATIONS):
        return here.go("/mandaten") if here.caller.has(Role.SCHOOL) else _no_access(here)
    return None


def _no_access(here: Visit) -> Response:
    return here.show("failed.html", HTTPStatus.FORBIDDEN, fault=here.words("no_access"))


async def _lag(here: Visit) -> Lag:
    async with here.wired.open_pool.acquire() as c:
        return await reader_of(here.request).read(c, here.wired.clock())


async def _press(here: Visit, form: Mapping[str, str]) -> None:
    if here.caller is None or not form.get("reason"):
        raise InvalidInput([], f"{here.words('reason')}?")
    press = Press(actor=here.caller.subject, at=here.wired.clock(), reason=form["reason"])
    async with here.wired.open_pool.acquire() as c:
        async with c.transaction():
            await _push(c, form, press)
        for channel in BELLS:
            await ring(c, channel)


async def _push(c: Connection, form: Mapping[str, str], press: Press) -> None:
    brins = [form["brin"].upper()] if form.get("brin") else None
    parked = int(form.get("parked", "")) if form.get("parked", "").isdecimal() else 0
    match form.get("button"):
        case "hold":
            await operate.hold(c, form.get("destination", ""), brins, press)
        case "release":
            await operate.release(c, form.get("destination", ""), brins, press)
        case "retry":
            await operate.retry(c, parked, press)
        case "discard":
            await operate.discard(c, parked, press)
        case _:
            raise InvalidInput([], "no such button")
