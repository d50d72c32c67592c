"""Limits the rate of each caller. In: a request. Out: the same request, or 429.

Requests with a valid token, in a header or a cookie, count for its subject; all others, logins included, count for
their address. Each process counts by itself: several processes together let the sum through. Health, metrics and static
files are not counted. A page renders the error itself.
"""

from __future__ import annotations

from math import ceil
from time import monotonic
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers

from hub.access import Caller
from hub.api.state import app_state
from hub.domain.bucket import Allowance, Buckets
from hub.errors import HubError, NotAuthenticated, TooManyRequests
from hub.login.visitor import find_session
from hub.store.pool import DATABASE_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from hub.settings import Limits as Settings

FREE: Final = ("/health/", "/metrics", "/console/static/")
_PAGES: Final = ("/console", "/mandaten", "/login", "/logout", "/docs")
_LOGIN: Final = "/login"
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
        """Let a request through, or raise `TooManyRequests`; a page finds the seconds to wait in its scope."""
        if scope["type"] == "http" and not scope["path"].startswith(FREE):
            wait = await self._wait(scope)
            if wait and not _is_page(scope):
                raise TooManyRequests(wait)
            scope["hub.wait"] = wait
        await self._app(scope, receive, send)

    async def _wait(self, scope: Scope) -> int:
        caller = scope["hub.caller"] = await _caller(scope)
        scope["state"]["has_caller"] = caller is not None
        buckets, who = (self._addresses, address_of(scope)) if caller is None else (self._callers, caller.subject)
        return ceil(buckets.take(who, self._seconds()))


def caller_of(scope: Scope) -> Caller | None:
    """Return the caller of a request that came through here, None for one without a valid token."""
    found = scope.get("hub.caller")
    assert found is None or isinstance(found, Caller)  # noqa: S101 - put there above
    return found


def address_of(scope: Scope) -> str:
    """Return the address that a request came from, as far as it is believed."""
    return str((scope.get("client") or ("",))[0])


def refusal_of(scope: Scope) -> HubError:
    """Return why a request has no caller."""
    found = scope.get(_KNOWN, {}).get(_token(scope))
    return found if isinstance(found, HubError) else NotAuthenticated(was_given="authorization" in Headers(scope=scope))


async def identify(scope: Scope, token: str) -> Caller:
    """Return the bearer of a token, verified once per request; raise `NotAuthenticated` with what is wrong."""
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
    if _is_page(scope):
        return await _visitor(scope)
    token = _token(scope)
    if not token:
        return None
    try:
        return await identify(scope, token)
    except HubError:  # the application itself refuses it
        return None


async def _visitor(scope: Scope) -> Caller | None:
    """Return who has the session of a page; a login counts for its address."""
    if scope["path"].startswith(_LOGIN):
        return None
    try:
        session = await find_session(scope, app_state(scope))
    except DATABASE_ERRORS:  # the page itself shows that the hub is not there
        return None
    return None if session is None else session.caller


def _token(scope: Scope) -> str:
    scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
