"""The overview, and live parts of operators' pages as server-sent events. In: an operator's browser. Out: new HTML.

All streams of a part and a language share one reading per two seconds. A stream ends when its session does, and after
ten minutes, when the browser opens the next. Pages work without it: they have a link that loads them again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Response
from starlette.responses import StreamingResponse

from hub.access.rules import is_operator
from hub.console.lag_overview import read_overview
from hub.console.operations import require_operator
from hub.console.route import PageRoute
from hub.console.visit import CurrentVisit, Visit
from hub.errors import HubError
from hub.login.visitor import FOUND, find_session
from hub.register import moment
from hub.store.pool import DATABASE_ERRORS

router = APIRouter(include_in_schema=False, route_class=PageRoute)
TICK_SECONDS: Final = 2.0
STREAM_SECONDS: Final = 600.0
MOST_PER_CALLER: Final = 4
MOST_STREAMS: Final = 100
RETRY: Final = b"retry: 3000\n\n"
Make = Callable[[Visit], Awaitable[str]]
"""Makes the HTML of a live part, in the visitor's language."""


@dataclass(slots=True)
class LiveFeed:
    """The open streams of this process, and the HTML that they share, per part and language."""

    streams: Counter[str] = field(default_factory=Counter)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _shown: dict[tuple[str, str], tuple[float, str]] = field(default_factory=dict)

    def has_room(self, subject: str) -> bool:
        """Return whether a caller may open one more stream."""
        return self.streams[subject] < MOST_PER_CALLER and self.streams.total() < MOST_STREAMS

    async def html(self, here: Visit, make: Make, opened: float) -> str:
        """Return the live part of a page in the visitor's language, at most two seconds old.

        It is never older than the stream, so that it does not take back what the page itself shows already.
        """
        key, now = (here.request.url.path, here.language.value), asyncio.get_running_loop().time()
        async with self._lock:
            self._shown = {of: shown for of, shown in self._shown.items() if now - shown[0] < TICK_SECONDS}
            if key not in self._shown or self._shown[key][0] < opened:
                self._shown[key] = (now, await make(here))
            return self._shown[key][1]


@router.get("/console")
async def get_console(here: CurrentVisit) -> Response:
    """Show what is late first, the charts, and who presses what."""
    require_operator(here)
    return here.show("operations.html", overview=await read_overview(here))


@router.get("/console/live")
async def get_live(here: CurrentVisit) -> Response:
    """Show the part of the page that the script refreshes where no stream can be."""
    if here.caller is None or not is_operator(here.caller):
        return Response(status_code=int(HTTPStatus.UNAUTHORIZED))
    return here.show("live.html", overview=await read_overview(here))


@router.get("/console/events/live")
async def get_stream(here: CurrentVisit) -> Response:
    """Stream the live part of the overview."""
    return open_stream(here, _make_overview)


async def _make_overview(here: Visit) -> str:
    return here.render("live.html", overview=await read_overview(here))


def open_stream(here: Visit, make: Make) -> Response:
    """Stream the live part of an operator's page; 401 without a session, 429 with too many streams."""
    if here.caller is None or not is_operator(here.caller):
        return Response(status_code=int(HTTPStatus.UNAUTHORIZED))
    feed = feed_of(here)
    if not feed.has_room(here.caller.subject):
        return Response(status_code=int(HTTPStatus.TOO_MANY_REQUESTS), headers={"Retry-After": "60"})
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    sent = _stream(feed, here, make, here.caller.subject)
    return StreamingResponse(sent, media_type="text/event-stream", headers=headers)


def feed_of(here: Visit) -> LiveFeed:
    """Return the feed of this process."""
    state = here.request.app.state
    if not hasattr(state, "console_feed"):
        state.console_feed = LiveFeed()
    feed: LiveFeed = state.console_feed
    return feed


async def _stream(feed: LiveFeed, here: Visit, make: Make, subject: str) -> AsyncIterator[bytes]:
    loop, sent = asyncio.get_running_loop(), ""
    opened = loop.time()
    until = opened + STREAM_SECONDS
    feed.streams[subject] += 1
    try:
        yield RETRY
        while loop.time() < until and await _is_logged_in(here):
            text = await _try_html(feed, here, make, opened)
            yield _event(text) if text and text != sent else b": still\n\n"
            sent = text or sent
            await asyncio.sleep(TICK_SECONDS)
        if loop.time() < until:
            yield b"event: end\ndata: logged out\n\n"
    finally:
        feed.streams[subject] -= 1


async def _try_html(feed: LiveFeed, here: Visit, make: Make, opened: float) -> str | None:
    """Return what to show; None while the database is away, so that the page says that its numbers are old."""
    try:
        return await feed.html(replace(here, at=moment(here.app.clock(), None)), make, opened)
    except (*DATABASE_ERRORS, HubError):
        return None


async def _is_logged_in(here: Visit) -> bool:
    """Return whether the session goes on; a logout ends the stream, also one in another window."""
    scope = {name: value for name, value in here.request.scope.items() if name != FOUND}
    try:
        session = await find_session(scope, here.app)
    except DATABASE_ERRORS:
        return True
    return session is not None and is_operator(session.caller)


def _event(text: str) -> bytes:
    lines = "".join(f"data: {line}\n" for line in text.splitlines())
    return f"event: live\n{lines}\n".encode()
