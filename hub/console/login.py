"""Login and logout. In: a token. Out: a cookie that holds it, and a redirect to the bearer's first page."""

from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Response

from hub.access import COOKIE, Caller
from hub.access.rules import is_operator
from hub.console.route import PageRoute
from hub.console.templating import CONSOLE_DIR
from hub.console.visit import CurrentVisit, Visit
from hub.errors import NotAuthenticated

router = APIRouter(include_in_schema=False, route_class=PageRoute)
STATIC: Final = {"console.css": "text/css", "console.js": "text/javascript", "icon.svg": "image/svg+xml"}
_PAGES: Final = ("/console", "/mandaten")


@router.get("/console/static/{name}")
async def get_static(name: str) -> Response:
    """Return a static file."""
    if name not in STATIC:
        return Response(status_code=int(HTTPStatus.NOT_FOUND))
    return Response((CONSOLE_DIR / "static" / name).read_bytes(), media_type=STATIC[name])


@router.get("/console/login")
async def get_login(here: CurrentVisit) -> Response:
    """Show the login form."""
    return _show_login(here, here.request.query_params.get("next", ""))


@router.post("/console/login")
async def post_login(here: CurrentVisit) -> Response:
    """Store a valid token in a cookie, and redirect to the requested page or the bearer's first page."""
    form = await here.open_form()
    token, wanted = form.text("token"), form.text("next")
    try:
        caller = await here.app.verifier.verify(token)
    except NotAuthenticated:
        return _show_login(here, wanted, is_wrong=True)
    answer = here.go(wanted if _is_page(wanted) else _home(caller))
    is_safe = here.app.settings.http.address.startswith("https:")
    answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=is_safe, path="/")
    return answer


@router.post("/console/logout")
async def post_logout(here: CurrentVisit) -> Response:
    """Delete the cookie."""
    await here.form()
    answer = here.go("/console/login")
    answer.delete_cookie(COOKIE, path="/")
    return answer


def _show_login(here: Visit, wanted: str, *, is_wrong: bool = False) -> Response:
    status = HTTPStatus.UNAUTHORIZED if is_wrong else HTTPStatus.OK
    return here.show("login.html", status, is_wrong=is_wrong, wanted=wanted if _is_page(wanted) else "")


def _home(caller: Caller) -> str:
    return "/console" if is_operator(caller) else "/mandaten"


def _is_page(path: str) -> bool:
    is_plain = path.isascii() and path.isprintable() and not any(mark in path for mark in ("\\", "//", "login"))
    return is_plain and any(path == ours or path.startswith(f"{ours}/") for ours in _PAGES)
