"""Stands behind the edge: nobody may ask so often that others wait. In: a request. Out: it goes on, or 429.

Who has a token that is believed, in a header or a cookie, is counted by its subject; everybody else, and whoever logs
in, by address. Counts are this process's own: where several serve, each lets the whole allowance in. Health, metrics
and what pages are made with are not counted. A page says itself that it was asked for too often.
"""

from __future__ import annotations

from math import ceil
from time import monotonic
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from hub.access import COOKIE, Caller
from hub.api.state import app_state
from hub.domain.bucket import Allowance, Buckets
from hub.errors import HubError, TooManyRequests

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from hub.settings import Limits as Settings

_FREE: Final = ("/health/", "/metrics", "/console/static/")
_PAGES: Final = ("/console", "/mandaten")
_LOGIN: Final = "/console/login"
_KNOWN: Final = "hub.known"


class RateLimitMiddleware:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, settings: Settings, seconds: Callable[[], float] = monotonic) -> None:
        self._app = app
        self._seconds = seconds
        known = Allowance(rate=settings.requests_per_second, burst=settings.burst)
        unknown = Allowance(rate=settings.unknown_per_second, burst=settings.unknown_burst)
        self._callers = Buckets(known, settings.remembered)
        self._addresses = Buckets(unknown, settings.remembered)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through; `TooManyRequests` says when to ask again, or the page that is told to wait."""
        if scope["type"] == "http" and not scope["path"].startswith(_FREE):
            wait = await self._wait(scope)
            if wait and not _is_page(scope):
                raise TooManyRequests(wait)
            scope["hub.wait"] = wait
        await self._app(scope, receive, send)

    async def _wait(self, scope: Scope) -> int:
        caller = await _caller(scope)
        buckets, who = (
            (self._addresses, str((scope.get("client") or ("",))[0]))
            if caller is None
            else (self._callers, caller.subject)
        )
        return ceil(buckets.take(who, self._seconds()))


async def identify(scope: Scope, token: str) -> Caller:
    """Return who bears a token, verified once in a request; `NotAuthenticated` says what is wrong with it."""
    known: dict[str, Caller | HubError] = scope.setdefault(_KNOWN, {})
    if token not in known:
        try:
            known[token] = await app_state(scope).verifier.verify(token)
        except HubError as error:
            known[token] = error
    found = known[token]
    if isinstance(found, HubError):
        raise found
    return found


def _is_page(scope: Scope) -> bool:
    path: str = scope["path"]
    return any(path == page or path.startswith(f"{page}/") for page in _PAGES)


async def _caller(scope: Scope) -> Caller | None:
    token = _token(scope)
    if not token:
        return None
    try:
        return await identify(scope, token)
    except HubError:  # the application says in its own words what is wrong
        return None


def _token(scope: Scope) -> str:
    if _is_page(scope):
        return "" if scope["path"] == _LOGIN else HTTPConnection(scope).cookies.get(COOKIE, "")
    scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
