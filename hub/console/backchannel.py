"""Logout by the provider (back-channel logout). In: its logout token. Out: the sessions of that login, ended."""

from http import HTTPStatus

import structlog
from fastapi import APIRouter, Response

from hub.console.forms import parse_form
from hub.console.login import provider_of
from hub.console.visit import CurrentVisit
from hub.errors import NotAuthenticated
from hub.login.identity import read_logout
from hub.store.sessions import end_at_issuer

router = APIRouter(include_in_schema=False)
log = structlog.get_logger(__name__)


@router.post("/login/backchannel")
async def post_backchannel(here: CurrentVisit) -> Response:
    """End the sessions of a login that the provider ended; the provider itself calls this."""
    form = parse_form(await here.request.body())
    headers = {"Cache-Control": "no-store"}
    try:
        ended = await read_logout(provider_of(here), form.text("logout_token"), here.at.now)
    except NotAuthenticated as fault:
        log.warning("logout.refused", reason=fault.detail, next="look at the provider's logout tokens")
        return Response(status_code=int(HTTPStatus.BAD_REQUEST), headers=headers)
    async with here.app.open_pool.acquire() as c:
        count = await end_at_issuer(c, ended.issuer, ended.subject, ended.issuer_session)
    log.info("logout.received", sessions=count)
    return Response(status_code=int(HTTPStatus.OK), headers=headers)
