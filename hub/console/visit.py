"""The context of a page. In: a request. Out: the caller, the language, the database, rendered pages, redirects.

The visitor's session is in a cookie that scripts cannot read. A form carries a CSRF token and the browser names its
origin: both are checked before a form is read. A form that outlived its session is kept, to be sent after a new login.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from secrets import token_urlsafe
from typing import Annotated, Any, Final, Literal, Protocol, TypedDict
from urllib.parse import quote, urlencode, urlsplit

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from hub.access import Actor, Caller, Role
from hub.access.rules import is_operator, page_scope, require_role
from hub.access.verify import Verifier
from hub.clock import Clock
from hub.console.forms import FormData, parse_form
from hub.console.i18n import Translator
from hub.console.templating import render
from hub.domain.says import Language
from hub.errors import InvalidInput, NotAllowed
from hub.login.provider import Provider
from hub.login.sessions import Session
from hub.login.visitor import find_session
from hub.observe.statement_making import StatementMaker
from hub.register import Moment, moment
from hub.settings import Settings
from hub.store.mandates import MandateScope
from hub.store.notifications import Channel
from hub.store.pool import Pool
from hub.telemetry import current_traceparent

LANGUAGE_COOKIE: Final = "osr_hub_language"
NUL: Final = "\x00"
_OF_SESSION: Final = ("done", "concept", "lang")
YEAR_SECONDS: Final = 365 * 24 * 3600
CONTENT_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


class CookieFlags(TypedDict):
    """The flags of a cookie."""

    httponly: bool
    samesite: Literal["lax"]
    secure: bool


class PageServices(Protocol):
    """The part of the application's state that pages use."""

    settings: Settings
    verifier: Verifier
    provider: Provider | None
    clock: Clock
    statements: StatementMaker

    @property
    def open_pool(self) -> Pool:
        """The pool, while the application runs."""


class Redirect(Exception):  # noqa: N818 - it is no error: the browser is sent on
    """Redirect the browser to another page."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(path)


class FormOutlivedSession(Exception):  # noqa: N818 - it is no error: the form is kept
    """A form of a page whose session is over, or that belongs to an earlier login of this browser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of a browser, with its caller and language."""

    request: Request
    app: PageServices
    words: Translator
    at: Moment
    session: Session | None = None

    @property
    def caller(self) -> Caller | None:
        """The caller; None for a visitor who has not logged in."""
        return None if self.session is None else self.session.caller

    @property
    def language(self) -> Language:
        """The language of the page."""
        return self.words.language

    @property
    def user(self) -> Caller:
        """The caller; a visitor who has not logged in is redirected to the login, and a form is kept."""
        if self.caller is None:
            if self.request.method == "POST":
                raise FormOutlivedSession
            raise Redirect(f"/login?next={quote(self._wanted)}")
        return self.caller

    @property
    def _wanted(self) -> str:
        """The page that was asked for, to go to after the login; without what belongs to an earlier session."""
        query = [(name, text) for name, text in self.request.query_params.multi_items() if name not in _OF_SESSION]
        path = self.request.url.path
        return f"{path}?{urlencode(query)}" if query else path

    @property
    def actor(self) -> Actor:
        """The caller as the actor of a change, with the time."""
        most = self.app.settings.limits.changes_per_school_and_hour
        return Actor(caller=self.user, at=self.at.now, changes_per_hour=most)

    @property
    def scope(self) -> MandateScope:
        """The mandates that pages show: all for operations, those of their own schools for an administrator."""
        return page_scope(self.user)

    @property
    def form_token(self) -> str:
        """The CSRF token of this visitor's forms."""
        secret = "" if self.session is None else self.session.secret
        return hmac.new(secret.encode(), b"osr-hub form", sha256).hexdigest()[:32]

    @property
    def session_id(self) -> bytes:
        """The session of a visitor who has logged in."""
        assert self.session is not None  # noqa: S101 - a page of a user has a session
        return self.session.stored.id

    @property
    def has_more_schools(self) -> bool:
        """Whether the visitor may administer more than one school."""
        return self.caller is not None and (bool(self.caller.bges) or len(self.caller.brins) > 1)

    @property
    def seconds_left(self) -> int | None:
        """How long the session lasts if the visitor does nothing more."""
        return None if self.session is None else int((self.session.ends_at - self.at.now).total_seconds())

    def require(self, *roles: Role) -> Caller:
        """Return the caller; raise `NotAllowed` without one of these roles."""
        require_role(self.user, *roles, detail=self.words("no_access"))
        return self.user

    def show(self, template: str, status: HTTPStatus = HTTPStatus.OK, **values: Any) -> Response:  # noqa: ANN401 - what a page shows
        """Render a template as a page."""
        text = self.render(template, **values)
        return self._speaking(HTMLResponse(text, int(status), headers=self._security_headers))

    def render(self, template: str, **values: Any) -> str:  # noqa: ANN401 - what a page shows
        """Render a template with what all pages share."""
        query = {name: value for name, value in self.request.query_params.items() if name not in ("lang", "done")}
        path, is_answer = self.request.url.path, self.request.method == "POST"  # an answer to a form has no address
        shared = {
            "t": self.words,
            "lang": self.language.value,
            "other_lang": None if is_answer else f"{path}?{urlencode({**query, 'lang': self.words.other.value})}",
            "path": path,
            "caller": self.caller,
            "session": self.session,
            "seconds_left": self.seconds_left,
            "is_operator": self.caller is not None and is_operator(self.caller),
            "secret": self.form_token,
            "once": partial(token_urlsafe, 16),
            "can_copy": self.has_more_schools,
            "done": self.request.query_params.get("done"),
        }
        return render(template, {**shared, **values})

    def go(self, path: str, done: str | None = None) -> Response:
        """Redirect to another page, with the key of the message that it shows."""
        joint = "&" if "?" in path else "?"
        target = path if done is None else f"{path}{joint}{urlencode({'done': done})}"
        return self._speaking(RedirectResponse(target, int(HTTPStatus.SEE_OTHER)))

    def leave(self, address: str) -> Response:
        """Redirect to the login's provider."""
        return RedirectResponse(address, int(HTTPStatus.SEE_OTHER), headers={"Cache-Control": "no-store"})

    @property
    def cookie_flags(self) -> CookieFlags:
        """The flags of cookies that scripts cannot read and other sites' forms do not send."""
        is_safe = self.app.settings.http.address.startswith("https:")
        return {"httponly": True, "samesite": "lax", "secure": is_safe}

    @property
    def _security_headers(self) -> dict[str, str]:
        """The headers of a page; a logout form may lead to the provider."""
        provider = self.app.provider
        origin = "" if provider is None else " {0.scheme}://{0.netloc}".format(urlsplit(provider.client.issuer))
        return {
            "Content-Security-Policy": CONTENT_POLICY + origin,
            "Referrer-Policy": "same-origin",
            "Cache-Control": "no-store",
        }

    async def form(self) -> FormData:
        """Read a form of this visitor; raise `NotAllowed` for one from another site.

        Raises `FormOutlivedSession` for a form of another login, or without one.
        """
        form = await self.open_form()
        is_ours = hmac.compare_digest(form.text("secret").encode(), self.form_token.encode())
        if not is_ours or self.caller is None:
            raise FormOutlivedSession
        return form

    async def open_form(self) -> FormData:
        """Read a form of a visitor who has not logged in; raise `NotAllowed` for one from another site."""
        if not _is_same_origin(self.request.headers, self.app.settings.http.address):
            raise NotAllowed(self.words("strange_form"))
        form = parse_form(await self.request.body())
        for name, texts in form.fields.items():
            self.refuse_nul(name, *texts)
        return form

    def refuse_nul(self, name: str, *texts: str) -> None:
        """Raise `InvalidInput` that names a field which holds NUL, the one character that no database stores."""
        if any(NUL in text for text in (name, *texts)):
            raise InvalidInput([], self.words("nul_character", field=name))

    def notify(self, *channels: Channel) -> None:
        """Notify these channels after the request's transaction, just before the response."""
        self.request.scope["hub.notifications"].update(channels)

    def _speaking(self, answer: Response) -> Response:
        if self.request.query_params.get("lang") in set(Language):
            answer.set_cookie(
                LANGUAGE_COOKIE, self.language.value, max_age=YEAR_SECONDS, httponly=True, samesite="strict"
            )
        return answer


async def open_visit(request: Request) -> Visit:
    """Return the context of a request."""
    app: PageServices = request.app.state.shared
    return _visit(request, await find_session(request.scope, app))


def unknown_visit(request: Request) -> Visit:
    """Return the context of a request without looking for its session, for a page that must not fail."""
    return _visit(request, None)


def _visit(request: Request, session: Session | None) -> Visit:
    app: PageServices = request.app.state.shared
    words, at = Translator(_language(request)), moment(app.clock(), current_traceparent())
    return Visit(request=request, app=app, words=words, at=at, session=session)


def _language(request: Request) -> Language:
    wanted = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
    return Language.ENGLISH if wanted == Language.ENGLISH.value else Language.DUTCH


def _is_same_origin(headers: Mapping[str, str], address: str) -> bool:
    origin = headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc in {headers.get("host"), urlsplit(address).netloc}
    return headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}


CurrentVisit = Annotated[Visit, Depends(open_visit)]
