"""Stands behind the edge: nobody may ask so often that others wait. In: a request. Out: it goes on, or 429.

Who has a token that is believed is counted by its subject, everybody else by address. Counts are this process's own:
where several serve, each lets the whole allowance in. Health and metrics are not counted.
"""

from __future__ import annotations

from math import ceil
from time import monotonic
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers

from hub.api.wiring import wiring_of
from hub.domain.bucket import Allowance, Buckets
from hub.errors import HubError, TooManyRequests
from hub.tokens import Caller

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from hub.settings import Limits as Settings

_FREE: Final = ("/health/", "/metrics")
_KNOWN: Final = "hub.known"


class Limits:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, settings: Settings, seconds: Callable[[], float] = monotonic) -> None:
        self._app = app
        self._seconds = seconds
        known = Allowance(rate=settings.requests_per_second, burst=settings.burst)
        unknown = Allowance(rate=settings.unknown_per_second, burst=settings.unknown_burst)
        self._callers = Buckets(known, settings.remembered)
        self._addresses = Buckets(unknown, settings.remembered)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through; `TooManyRequests` says when to ask again."""
        if scope["type"] == "http" and not scope["path"].startswith(_FREE):
            caller = await _caller(scope)
            buckets, who = (
                (self._addresses, str((scope.get("client") or ("",))[0]))
                if caller is None
                else (self._callers, caller.subject)
            )
            wait = buckets.take(who, self._seconds())
            if wait:
                raise TooManyRequests(ceil(wait))
        await self._app(scope, receive, send)


async def know(scope: Scope, token: str) -> Caller:
    """Return who bears a token, verified once in a request; `NotAuthenticated` says what is wrong with it."""
    known: dict[str, Caller | HubError] = scope.setdefault(_KNOWN, {})
    if token not in known:
        try:
            known[token] = await wiring_of(scope).verifier.verify(token)
        except HubError as error:
            known[token] = error
    found = known[token]
    if isinstance(found, HubError):
        raise found
    return found


async def _caller(scope: Scope) -> Caller | None:
    scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return None
    try:
        return await know(scope, token.strip())
    except HubError:  # the application says in its own words what is wrong
        return None
