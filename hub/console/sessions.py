"""Logout. In: a visitor with a session. Out: the session ended here, everywhere, and at the provider."""

from fastapi import APIRouter, Response

from hub.console.route import PageRoute
from hub.console.visit import CurrentVisit, Visit
from hub.errors import Unavailable
from hub.login import sessions
from hub.login.sessions import COOKIE, Session

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/logout")
async def get_logout(here: CurrentVisit) -> Response:
    """Show that the visitor is logged out, or the ways to log out."""
    return here.show("logout.html")


@router.post("/logout")
async def post_logout(here: CurrentVisit) -> Response:
    """End the session, or all sessions of the visitor; then go to the provider's logout, if it has one."""
    form = await here.form()
    session = here.session
    assert session is not None  # noqa: S101 - a form has a session
    async with here.app.open_pool.acquire() as c:
        await sessions.end(c, session, everywhere=form.text("where") == "everywhere")
    elsewhere = await _provider_logout(here, session)
    answer = here.leave(elsewhere) if elsewhere else here.go("/logout")
    answer.delete_cookie(COOKIE, path="/")
    return answer


@router.get("/login/keep/live")
async def get_seconds(here: CurrentVisit) -> Response:
    """Return how many seconds the session lasts, without making it last longer."""
    return Response(str(here.seconds_left or 0), media_type="text/plain", headers={"Cache-Control": "no-store"})


@router.get("/login/keep")
async def get_keep(here: CurrentVisit) -> Response:
    """Keep the session alive, as a visit does, and return how many seconds it lasts."""
    return Response(str(here.seconds_left or 0), media_type="text/plain", headers={"Cache-Control": "no-store"})


async def _provider_logout(here: Visit, session: Session) -> str | None:
    """Return the provider's logout page; None without one, or while it does not answer: here the session is over."""
    provider = here.app.provider
    if provider is None or session.stored.issuer != provider.client.issuer:
        return None
    id_token = session.id_token(here.app.settings.sealing_keys)
    try:
        return await provider.address_to_log_out(id_token, f"{here.app.settings.http.address}/logout")
    except Unavailable:
        return None
