"""Login. In: a visitor, and the answer of the provider. Out: a session in a cookie, or a page that says whom to ask.

The provider's answer counts only in the browser that began the login, only once, and only from the issuer it began at.
A development token can be pasted where the hub accepts such tokens.
"""

import hmac
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import structlog
from fastapi import APIRouter, Response

from hub.access import Caller, Role
from hub.access.rules import is_operator
from hub.console.route import PageRoute
from hub.console.visit import CurrentVisit, Visit
from hub.errors import NotAuthenticated, NotFound
from hub.login import sessions
from hub.login.attempt import LIFETIME, LoginAttempt
from hub.login.identity import Identity, read_identity
from hub.login.provider import Provider
from hub.login.sessions import COOKIE, NewLogin
from hub.sealing import seal

router = APIRouter(include_in_schema=False, route_class=PageRoute)
ATTEMPT_COOKIE: Final = "osr_hub_login"
DEVELOPMENT: Final = "development"
NO_ROLE: Final = "/login/no-role"
MAX_WANTED: Final = 500
_PAGES: Final = ("/console", "/mandaten")
log = structlog.get_logger(__name__)


@router.get("/login")
async def get_login(here: CurrentVisit) -> Response:
    """Show how to log in; where there is one way only, go there."""
    wanted = _page_or_none(here.request.query_params.get("next", ""))
    if here.app.provider is not None and not _takes_tokens(here) and wanted:
        return here.go(f"/login/start?next={quote(wanted)}")
    return _show_login(here, wanted)


@router.get("/console/login")
async def get_old_login(here: CurrentVisit) -> Response:
    """Redirect to the login."""
    return here.go("/login")


@router.get("/login/start")
async def get_start(here: CurrentVisit) -> Response:
    """Begin a login: remember it in a sealed cookie, and send the browser to the provider."""
    provider = provider_of(here)
    query = here.request.query_params
    attempt = LoginAttempt.begin(_page_or_none(query.get("next", "")), here.at.now)
    address = await provider.address_to_log_in(attempt, again="again" in query)
    answer = here.leave(address)
    sealed = attempt.sealed(here.app.settings.sealing_keys)
    answer.set_cookie(ATTEMPT_COOKIE, sealed, max_age=int(LIFETIME.total_seconds()), path="/login", **here.cookie_flags)
    return answer


@router.get("/login/callback")
async def get_callback(here: CurrentVisit) -> Response:
    """Take the provider's answer: start a session, or say why not."""
    provider = provider_of(here)
    cookie = here.request.cookies.get(ATTEMPT_COOKIE, "")
    attempt = LoginAttempt.unseal(cookie, here.app.settings.sealing_keys, here.at.now)
    try:
        identity, id_token = await _identify(here, provider, attempt)
    except NotAuthenticated as fault:
        log.warning("login.refused", reason=fault.detail, next="the visitor may log in again")
        return _forget_attempt(here.show("login_failed.html", HTTPStatus.UNAUTHORIZED))
    if not _may_enter(identity.caller):
        elsewhere = f"{NO_ROLE}?lang={here.words.other.value}"  # the provider's answer counts only once
        page = here.show("no_role.html", HTTPStatus.FORBIDDEN, name=identity.name, other_lang=elsewhere)
        return _forget_attempt(page)
    sealed = seal(id_token.encode(), here.app.settings.sealing_keys)
    login = NewLogin(
        caller=identity.caller,
        issuer=identity.issuer,
        name=identity.name,
        issuer_session=identity.issuer_session,
        sealed_id_token=sealed,
    )
    return _forget_attempt(await _start_session(here, login, attempt.wanted if attempt else ""))


@router.get(NO_ROLE)
async def get_no_role(here: CurrentVisit) -> Response:
    """Show whom to ask for the role."""
    return here.show("no_role.html", HTTPStatus.FORBIDDEN, name="")


@router.post("/login/token")
async def post_token(here: CurrentVisit) -> Response:
    """Start a session for a development token."""
    form = await here.open_form()
    wanted = _page_or_none(form.text("next"))
    if not _takes_tokens(here):
        raise NotFound
    try:
        caller = await here.app.verifier.verify(form.text("token"))
    except NotAuthenticated:
        return _show_login(here, wanted, is_wrong=True)
    return await _start_session(here, NewLogin(caller=caller, issuer=DEVELOPMENT), wanted)


async def _identify(here: Visit, provider: Provider, attempt: LoginAttempt | None) -> tuple[Identity, str]:
    """Return who logged in; raise `NotAuthenticated` for an answer from elsewhere, a refusal, or a code of another."""
    query = here.request.query_params
    if attempt is None or not hmac.compare_digest(query.get("state", "").encode(), attempt.state.encode()):
        raise NotAuthenticated("this login was not begun in this browser, or too long ago")
    issuer = query.get("iss")
    if issuer is None and await provider.says_its_name():
        raise NotAuthenticated("the answer does not name its issuer")
    if issuer is not None and issuer.rstrip("/") != provider.client.issuer.rstrip("/"):
        raise NotAuthenticated("the answer comes from another issuer")
    if "code" not in query:
        raise NotAuthenticated(f"the provider answered {query.get('error', 'without a code')[:60]}")
    tokens = await provider.exchange(query["code"], attempt.verifier)
    return await read_identity(provider, tokens, attempt.nonce, here.at.now, here.app.verifier), tokens.id_token


async def _start_session(here: Visit, login: NewLogin, wanted: str) -> Response:
    """Start a new session in place of the browser's old one, and go to the wanted page or the first one."""
    async with here.app.open_pool.acquire() as c, c.transaction():
        if here.session is not None:
            await sessions.end(c, here.session)
        secret = await sessions.start(c, login, here.app.settings, here.at.now)
    answer = here.go(wanted or ("/console" if is_operator(login.caller) else "/mandaten"))
    answer.set_cookie(COOKIE, secret, path="/", **here.cookie_flags)
    return answer


def provider_of(here: Visit) -> Provider:
    """Return the provider where people log in; raise `NotFound` where they do not."""
    if here.app.provider is None:
        raise NotFound
    return here.app.provider


def _takes_tokens(here: Visit) -> bool:
    return here.app.settings.auth.development_keyfile is not None


def _may_enter(caller: Caller) -> bool:
    """Return whether the pages have something for a caller: operations, or a school or board of its own."""
    return is_operator(caller) or (caller.has(Role.SCHOOL) and bool(caller.brins or caller.bges))


def _show_login(here: Visit, wanted: str, *, is_wrong: bool = False) -> Response:
    status = HTTPStatus.UNAUTHORIZED if is_wrong else HTTPStatus.OK
    return here.show(
        "login.html",
        status,
        is_wrong=is_wrong,
        wanted=wanted,
        has_provider=here.app.provider is not None,
        takes_tokens=_takes_tokens(here),
    )


def _forget_attempt(answer: Response) -> Response:
    answer.delete_cookie(ATTEMPT_COOKIE, path="/login")
    return answer


def _page_or_none(path: str) -> str:
    """Return a path of ours with its query; empty for any other text."""
    is_plain = path.isascii() and path.isprintable() and len(path) <= MAX_WANTED
    page = path.partition("?")[0]
    is_page = is_plain and not any(mark in path for mark in ("\\", "//", "login"))
    return path if is_page and any(page == ours or page.startswith(f"{ours}/") for ours in _PAGES) else ""
