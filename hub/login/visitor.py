"""The session of a request. In: a request's scope. Out: the session of its cookie, read once per request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from starlette.requests import HTTPConnection

from hub.login import sessions
from hub.login.sessions import COOKIE, Session

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from typing import Any

    from hub.clock import Clock
    from hub.settings import Settings
    from hub.store.pool import Pool

FOUND: Final = "hub.session"
UNATTENDED: Final = "/live"
"""Requests that a page makes by itself end so; they do not keep a session alive."""


class SessionServices(Protocol):
    """The part of the application's state that sessions need."""

    settings: Settings

    @property
    def clock(self) -> Clock:
        """The clock."""

    @property
    def open_pool(self) -> Pool:
        """The pool, while the application runs."""


async def find_session(scope: MutableMapping[str, Any], app: SessionServices) -> Session | None:
    """Return the session of a request, and write down that its visitor did something."""
    if FOUND not in scope:
        secret = HTTPConnection(scope).cookies.get(COOKIE, "")
        scope[FOUND] = await _read(secret, app, is_visit=not scope["path"].endswith(UNATTENDED)) if secret else None
    found: Session | None = scope[FOUND]
    return found


async def _read(secret: str, app: SessionServices, *, is_visit: bool) -> Session | None:
    now = app.clock()
    async with app.open_pool.acquire() as c:
        session = await sessions.find(c, secret, app.settings, now)
        if session is not None and is_visit:
            return await sessions.keep(c, session, now)
    return session
