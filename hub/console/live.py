"""What refreshes a page while it is open. In: a school, or a list. Out: server-sent events with its mark.

The events say only that something changed; the browser then gets the part of the page that shows it.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from hub.access import Role
from hub.console.route import PageRoute
from hub.console.schools import find_schools, load_school
from hub.console.visit import open_visit
from hub.console.watch import MAX_LISTED, SchoolWatches

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from hub.console.visit import Visit
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
    return await _watch(here, [brin])


@router.get("/mandaten/events/live")
async def get_list_events(request: Request, q: str = "") -> Response:
    """Send the mark of the schools of a list whenever it changes; no content for a list that is too long."""
    here = await open_visit(request)
    if here.session is None:
        return Response(status_code=int(HTTPStatus.NO_CONTENT))
    here.require(Role.SCHOOL, Role.OPERATIONS)
    async with here.app.open_pool.acquire() as c:
        found = await find_schools(here, c, q.strip(), MAX_LISTED + 1)
    if not 0 < len(found) <= MAX_LISTED:
        return Response(status_code=int(HTTPStatus.NO_CONTENT))
    return await _watch(here, [school["brin"] for school in found])


async def _watch(here: Visit, brins: Iterable[str]) -> Response:
    stack = AsyncExitStack()
    watching = watches_of(here.request).watching(here.app.open_pool, here.user.subject, brins)
    watch = await stack.enter_async_context(watching)
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
