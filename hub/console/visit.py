"""What pages work with. In: a request. Out: who asks, the language, the database, pages and ways to others.

The caller's token lies in a cookie that no script reads and no other site sends along. A form carries a word that only
its own page can know, and the browser says where it comes from: both are checked before anything is done.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Any, Final, Protocol
from urllib.parse import quote, urlencode, urlsplit

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from hub.access import COOKIE, Actor, Caller, Role, Verifier
from hub.access.rules import is_operator, page_scope, require_role
from hub.clock import Clock
from hub.console.forms import FormData, parse_form
from hub.console.i18n import Translator
from hub.console.templating import render
from hub.domain.says import Language
from hub.errors import InvalidInput, NotAllowed, NotAuthenticated
from hub.register import Moment, moment
from hub.settings import Settings
from hub.store.mandates import MandateScope
from hub.store.notifications import Channel
from hub.store.pool import Pool
from hub.telemetry import current_traceparent

LANGUAGE_COOKIE: Final = "osr_hub_language"
NUL: Final = "\x00"
YEAR_SECONDS: Final = 365 * 24 * 3600
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
}


class PageServices(Protocol):
    """What the application shares with its pages."""

    settings: Settings
    verifier: Verifier
    clock: Clock

    @property
    def open_pool(self) -> Pool:
        """The pool, while the application runs."""


class Redirect(Exception):  # noqa: N818 - it is no error: the browser is sent on
    """The browser should be on another page."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of a browser."""

    request: Request
    app: PageServices
    words: Translator
    at: Moment
    token: str
    caller: Caller | None = None

    @property
    def language(self) -> Language:
        """The language that is asked for."""
        return self.words.language

    @property
    def user(self) -> Caller:
        """Who asks; whoever is not known is sent to the login, and back."""
        if self.caller is None:
            path = self.request.url.path
            back = f"?next={quote(path)}" if self.request.method == "GET" else ""
            raise Redirect(f"/console/login{back}")
        return self.caller

    @property
    def actor(self) -> Actor:
        """Who does something, and when."""
        return Actor(caller=self.user, at=self.at.now)

    @property
    def scope(self) -> MandateScope:
        """Whose mandates the pages show: operations everybody's, an administrator those of their own schools."""
        return page_scope(self.user)

    @property
    def form_token(self) -> str:
        """The word that forms of this visitor carry."""
        return hmac.new(self.token.encode(), b"osr-hub form", sha256).hexdigest()[:32]

    def require(self, *roles: Role) -> Caller:
        """Return who asks, who must have one of these roles."""
        require_role(self.user, *roles, detail=self.words("no_access"))
        return self.user

    def show(self, template: str, status: HTTPStatus = HTTPStatus.OK, **values: Any) -> Response:  # noqa: ANN401 - what a page shows
        """Make a page of a template."""
        query = {name: value for name, value in self.request.query_params.items() if name not in ("lang", "done")}
        shared = {
            "t": self.words,
            "lang": self.language.value,
            "other_lang": f"{self.request.url.path}?{urlencode({**query, 'lang': self.words.other.value})}",
            "path": self.request.url.path,
            "caller": self.caller,
            "is_operator": self.caller is not None and is_operator(self.caller),
            "secret": self.form_token,
            "done": self.request.query_params.get("done"),
        }
        return self._speaking(
            HTMLResponse(render(template, {**shared, **values}), int(status), headers=SECURITY_HEADERS)
        )

    def go(self, path: str, done: str | None = None) -> Response:
        """Send the browser to another page, which may say what was done."""
        joint = "&" if "?" in path else "?"
        target = path if done is None else f"{path}{joint}{urlencode({'done': done})}"
        return self._speaking(RedirectResponse(target, int(HTTPStatus.SEE_OTHER)))

    async def form(self) -> FormData:
        """Read what was filled in on a page of ours by this visitor; from anywhere else it is refused."""
        form = await self.open_form()
        if not hmac.compare_digest(form.text("secret").encode(), self.form_token.encode()):
            raise NotAllowed(self.words("strange_form"))
        return form

    async def open_form(self) -> FormData:
        """Read what was filled in on a page of ours by somebody who is not known yet."""
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
        """Ring these channels when the work of this request is committed, just before it is answered."""
        self.request.scope["hub.notifications"].update(channels)

    def _speaking(self, answer: Response) -> Response:
        if self.request.query_params.get("lang") in set(Language):
            answer.set_cookie(
                LANGUAGE_COOKIE, self.language.value, max_age=YEAR_SECONDS, httponly=True, samesite="strict"
            )
        return answer


async def open_visit(request: Request) -> Visit:
    """Find out who asks, and in which language."""
    app: PageServices = request.app.state.shared
    token = request.cookies.get(COOKIE, "")
    caller = None
    if token:
        try:
            caller = await app.verifier.verify(token)
        except NotAuthenticated:
            caller = None
    return Visit(
        request=request,
        app=app,
        words=Translator(_language(request)),
        at=moment(app.clock(), current_traceparent()),
        token=token,
        caller=caller,
    )


def _language(request: Request) -> Language:
    wanted = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
    return Language.ENGLISH if wanted == Language.ENGLISH.value else Language.DUTCH


def _is_same_origin(headers: Mapping[str, str], address: str) -> bool:
    origin = headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc in {headers.get("host"), urlsplit(address).netloc}
    return headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}


CurrentVisit = Annotated[Visit, Depends(open_visit)]
