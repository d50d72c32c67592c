"""`/v1/events`: the published log, read here instead of from Kafka. Out: events as they were published, in order.

`next` is only a position of the log: receivers may keep it for long and use it with other filters later.
"""

from fnmatch import fnmatchcase
from typing import Annotated, Final

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import Field

from hub.access.boards import own_schools
from hub.access.rules import mandate_scope_by_school
from hub.api.auth import CallerHere
from hub.api.state import ConnectionHere, SettingsHere
from hub.domain.kinds import OF_MANDATES, Kind
from hub.envelopes import envelope_defaults, mandate_event
from hub.store import mandates, published_events
from hub.views.models import CamelModel
from hub.views.paging import DEFAULT_LIMIT, HIGHEST_LIMIT, read_cursor, write_cursor
from schemas.envelope import MandateEvent

router = APIRouter(tags=["events"])
Types = Annotated[str, Field(pattern=r"^[a-z0-9.,*?\[\]!-]{1,200}$")]
MAX_TYPES: Final = 20
WINDOW: Final = 10_000
"""The most events that one answer searches; a caller with few events of its own continues from there."""


class EventsBody(CamelModel):
    """Events after `since`; `next` is the next `since`, for now when there is `more`, else for later."""

    items: list[MandateEvent]
    next: str
    more: bool


@router.get("/events", response_model=EventsBody)
async def list_events(
    c: ConnectionHere,
    caller: CallerHere,
    settings: SettingsHere,
    since: Annotated[
        str | None, Query(description="`next` of an earlier answer; left out: from the beginning.")
    ] = None,
    types: Annotated[
        list[Types], Query(max_length=MAX_TYPES, description="Types, by commas or repeated; `*` stands for anything.")
    ] = [],  # noqa: B006 - the framework makes a new one for each request
    limit: Annotated[int, Query(ge=1, le=HIGHEST_LIMIT)] = DEFAULT_LIMIT,
) -> Response:
    """Read the events of mandates that the caller may read, in the order in which they were published."""
    after = 0 if since is None else read_cursor(since, int, parameter="since")[0]
    end = await published_events.last_position(c)
    window = (after, min(after + WINDOW, max(end, after)))
    scope = mandate_scope_by_school(caller, await own_schools(c, caller))
    found = await mandates.feed(c, window, _kinds(types), scope, limit)
    reached = found[-1][0] if len(found) == limit else window[1]
    head = envelope_defaults(settings.oin, settings.http.address)
    body = {
        "items": [orjson.Fragment(mandate_event(row, head, position)) for position, row in found],
        "next": write_cursor(reached),
        "more": reached < end,
    }
    return Response(orjson.dumps(body), media_type="application/json")


def _kinds(types: list[str]) -> list[Kind]:
    if not types:
        return list(OF_MANDATES)
    patterns = [pattern.strip() for each in types for pattern in each.split(",")]
    return [kind for kind in OF_MANDATES if any(fnmatchcase(kind.type, pattern) for pattern in patterns)]
