"""Gives each caller a share of what is worked on at once, and its reads a time. In: a request. Out: its answer, or 429.

A request takes at most one connection to the database, so a share of the requests is a share of the pool. The others of
a caller wait their turn, and nobody else waits for them. Of the loop each caller has its turns (`hub.api.turns`).
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hub.api.limits import FREE, address_of, caller_of
from hub.api.turns import Steps, Turns
from hub.errors import TooManyRequests, TooSlow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from hub.settings import Limits

MOST_WAITING: Final = 100
WAIT_SECONDS: Final = 10.0
_STEPS: Final = "hub.steps"
STREAMS: Final = "/events/live"
"""Streams of events to pages: they last, hold no connection to the database, and have a bound of their own."""


class TurnMiddleware:
    """Wraps all other middleware, so that the whole of a request is done in turns: those of its address at first."""

    def __init__(self, app: ASGIApp, turns: Turns | None = None) -> None:
        self._app = app
        self._turns = Turns() if turns is None else turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, step by step."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        steps = scope[_STEPS] = Steps(self._turns, address_of(scope), self._run(scope, receive, send))
        await steps

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        steps: Steps[None] = scope[_STEPS]

        async def hear() -> Message:
            steps.is_with_caller = True
            try:
                return await receive()
            finally:
                steps.is_with_caller = False

        async def tell(message: Message) -> None:
            steps.is_with_caller = True
            try:
                await send(message)
            finally:
                steps.is_with_caller = False

        await self._app(scope, hear, tell)


class ShareMiddleware:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, settings: Limits) -> None:
        self._app = app
        self._read_seconds = settings.read_seconds
        self._shares = Shares(settings.at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through when its caller has room; from here on its turns are those of its caller."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        caller = caller_of(scope)
        who = address_of(scope) if caller is None else f"{caller.subject} "
        if _STEPS in scope:
            scope[_STEPS].pass_to(who)
        if scope["path"].startswith(FREE) or scope["path"].endswith(STREAMS):
            await self._app(scope, receive, send)
            return
        async with self._shares.of(who):
            if scope["method"] == "GET":
                await self._read(scope, receive, send)
            else:
                await self._app(scope, receive, send)

    async def _read(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a read; what has begun to be answered may take its time."""
        limit = asyncio.timeout(self._read_seconds)

        async def begin(message: Message) -> None:
            if message["type"] == "http.response.start":
                limit.reschedule(None)
            await send(message)

        try:
            async with limit:
                await self._app(scope, receive, begin)
        except TimeoutError:
            if limit.expired():
                raise TooSlow from None
            raise


@dataclass(kw_only=True, slots=True)
class _Share:
    room: asyncio.Semaphore
    users: int = 0


@dataclass(slots=True)
class Shares:
    """The requests in progress by caller, at most `most` of each."""

    most: int
    _shares: dict[str, _Share] = field(default_factory=dict)

    @asynccontextmanager
    async def of(self, caller: str) -> AsyncIterator[None]:
        """Hold a place of this caller while the block lasts; raise `TooManyRequests` when none gets free in time."""
        share = self._shares.setdefault(caller, _Share(room=asyncio.Semaphore(self.most)))
        if share.users >= self.most + MOST_WAITING:
            raise TooManyRequests
        share.users += 1
        try:
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    await share.room.acquire()
            except TimeoutError:
                raise TooManyRequests from None
            try:
                yield
            finally:
                share.room.release()
        finally:
            share.users -= 1
            if not share.users:
                del self._shares[caller]
