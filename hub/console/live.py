"""What refreshes a page while it is open. In: a school. Out: server-sent events with its mark, until they end.

The events say only that something changed; the browser then gets the part of the page that shows it.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from hub.console.route import PageRoute
from hub.console.schools import load_school
from hub.console.visit import open_visit
from hub.console.watch import SchoolWatches

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.console.watch import Watch

router = APIRouter(include_in_schema=False, route_class=PageRoute)
STREAM_SECONDS: Final = 120.0
"""A stream ends after so long; the browser opens another, and its session is looked at again."""
PULSE_SECONDS: Final = 15.0
RETRY_MS: Final = 3000


@router.get("/mandaten/{brin}/events/live")
async def get_events(brin: str, request: Request) -> Response:
    """Send the mark of a school whenever it changes; no content tells the browser not to ask again."""
    here = await open_visit(request)
    if here.session is None:
        return Response(status_code=int(HTTPStatus.NO_CONTENT))
    async with here.app.open_pool.acquire() as c:
        await load_school(here, c, brin)
    stack = AsyncExitStack()
    watches = watches_of(request)
    watch = await stack.enter_async_context(watches.watching(here.app.open_pool, here.user.subject, brin))
    if watch is None:
        return Response(status_code=int(HTTPStatus.NO_CONTENT))
    return StreamingResponse(_stream(stack, watch), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def watches_of(request: Request) -> SchoolWatches:
    """Return the open pages of this application."""
    state = request.app.state
    if not hasattr(state, "school_watches"):
        state.school_watches = SchoolWatches()
    found: SchoolWatches = state.school_watches
    return found


async def _stream(stack: AsyncExitStack, watch: Watch) -> AsyncIterator[str]:
    async with stack:
        yield f"retry: {RETRY_MS}\n\n"
        until = monotonic() + STREAM_SECONDS
        while monotonic() < until:
            mark = await watch.next_mark(PULSE_SECONDS)
            yield ": \n\n" if mark is None else f"data: {mark}\n\n"
