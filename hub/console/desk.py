"""What pages work with. In: a request. Out: who asks, the language, the database, templates.

The caller's token lies in a cookie that no script reads and no other site sends along.
"""

from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from hub.clock import AMSTERDAM, Clock
from hub.console.words import Words, tone
from hub.domain.says import Language, age, says
from hub.errors import NotAuthenticated
from hub.observe.lag import LagReader
from hub.settings import Settings
from hub.store.pool import Pool
from hub.tokens import Caller, Verifier

COOKIE: Final = "osr_hub_token"
HERE: Final = Path(__file__).parent
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


class Wired(Protocol):
    """What the application shares with its pages."""

    settings: Settings
    verifier: Verifier
    clock: Clock

    @property
    def open_pool(self) -> Pool:
        """The pool, while the application runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of a browser."""

    request: Request
    wired: Wired
    words: Words
    caller: Caller | None = None

    @property
    def language(self) -> Language:
        """The language that is asked for."""
        return self.words.language

    def show(self, template: str, status: HTTPStatus = HTTPStatus.OK, **values: Any) -> Response:  # noqa: ANN401 - what a page shows
        """Make a page of a template."""
        shared = {"t": self.words, "lang": self.language.value, "path": self.request.url.path, "caller": self.caller}
        text = _templates.get_template(template).render({**shared, **values})
        return HTMLResponse(text, status, headers={"Content-Security-Policy": POLICY})

    def go(self, path: str) -> Response:
        """Send the browser to another page."""
        joint = "&" if "?" in path else "?"
        target = path if self.language is Language.DUTCH else f"{path}{joint}lang=en"
        return RedirectResponse(target, HTTPStatus.SEE_OTHER)

    async def form(self) -> dict[str, str]:
        """Read what was filled in; nothing from another site."""
        origin = self.request.headers.get("origin")
        if origin not in (None, "null") and urlsplit(origin).netloc != self.request.headers.get("host"):
            return {}
        given = parse_qs((await self.request.body()).decode(errors="replace"))
        return {name: values[0].strip() for name, values in given.items()}


@dataclass(slots=True)
class Looks:
    """The reader that pages share, made when the first one looks."""

    reader: LagReader = field(default_factory=LagReader)


async def visit(request: Request) -> Visit:
    """Find out who asks, and in which language."""
    wired: Wired = request.app.state.wiring
    words = Words(Language.ENGLISH if request.query_params.get("lang") == "en" else Language.DUTCH)
    token = request.cookies.get(COOKIE)
    caller = None
    if token:
        try:
            caller = await wired.verifier.verify(token)
        except NotAuthenticated:
            caller = None
    return Visit(request=request, wired=wired, words=words, caller=caller)


def reader_of(request: Request) -> LagReader:
    """Give the reader of lag that pages share."""
    state = request.app.state
    if not hasattr(state, "console_looks"):
        state.console_looks = Looks()
    looks: Looks = state.console_looks
    return looks.reader


def _local(moment: datetime | None) -> str:
    return "-" if moment is None else moment.astimezone(AMSTERDAM).strftime("%d-%m-%Y %H:%M:%S")


_templates: Final = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters.update(age=age, local=_local, tone=tone)
_templates.globals.update(says=says)
