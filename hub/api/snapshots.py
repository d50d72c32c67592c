"""`/v1/snapshots`: the current state of a service's units, for a reader that begins. Out: lines of JSON, as a stream.

The first line says where the reader joins the log; each line after it is a school that stands by itself; the last line
says whether that was all. A stream without a last line broke off: go on behind the last school that came.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from time import monotonic
from typing import Annotated, Any, Final

import orjson
import structlog
from fastapi import APIRouter, Depends, Query
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from hub.access import Caller, Role
from hub.access.rules import is_operator, is_receiver
from hub.api.auth import require
from hub.api.state import AppState, AppStateHere, ConnectionHere
from hub.clock import today
from hub.envelopes import EnvelopeDefaults, envelope_defaults, forwarded_message
from hub.errors import FieldError, FieldLocation, InvalidInput, NotFound, TooManyRequests
from hub.observe import snapshot as pages
from hub.observe.snapshot import SchoolUnits
from hub.store import ledger, observe, snapshots
from hub.store.observe import DestinationView
from hub.views.paging import write_cursor
from schemas.cloudevents import write_time
from schemas.identifiers import BrinField, ServiceCodeField

router = APIRouter(prefix="/snapshots", tags=["reconciliation"])
ReaderHere = Annotated[Caller, Depends(require(Role.LAS, Role.DUO, Role.OPERATIONS))]
MEDIA_TYPE: Final = "application/x-ndjson"
STREAM_SECONDS: Final = 300.0
SLOW_READER_SECONDS: Final = 30.0
RETRY_SECONDS: Final = 10
VERSION: Final = 1
EXAMPLE: Final = """\
{"kind":"begin","version":1,"serviceCode":"RIO","destination":"duo:rio","asOf":"2026-11-23T09:00:00.000Z",\
"ledgerEpoch":1,"since":"WzQyXQ","after":null}
{"kind":"school","brin":"18DS","lastPlanned":42,"lastEvent":17,"messages":[]}
{"kind":"end","complete":true,"schools":1,"units":0,"next":null}
"""
DESCRIPTION: Final = (
    "Lines of JSON. `begin`: note the end of your topic before you ask, or read `/events` from `since`. `school`: the "
    "messages of its living units; ignore messages of its lane up to `lastPlanned`, and events up to `lastEvent`, and "
    "apply those above. A school without a line had no messages yet: apply all. `end`: `complete`, or the school to "
    "go on behind with `after`. Without it the stream broke off: go on behind the last school that came. Begin anew "
    "when `ledgerEpoch` has changed. The oldest `since` counts."
)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """A snapshot that was asked for: of which service, for whom, from where."""

    state: AppState
    service_code: str
    destination: DestinationView
    position: int
    head: EnvelopeDefaults
    after: str | None

    async def lines(self) -> AsyncGenerator[bytes]:
        """Give the lines, page by page, until all schools were there or the time is over."""
        until = monotonic() + STREAM_SECONDS
        yield self._begin()
        schools, units, last = 0, 0, self.after or ""
        while monotonic() < until:
            page = await self._read(last)
            if not page:
                yield _line(kind="end", complete=True, schools=schools, units=units, next=None)
                return
            yield b"".join(self._school(school) for school in page)
            schools, last = schools + len(page), page[-1].lane.brin
            units += sum(len(school.messages) for school in page)
        yield _line(kind="end", complete=False, schools=schools, units=units, next=last)

    async def _read(self, after: str) -> list[SchoolUnits]:
        async with self.state.open_pool.acquire() as c:
            return await pages.read_page(c, self.destination, self.service_code, after, today(self.state.clock()))

    def _begin(self) -> bytes:
        return _line(
            kind="begin",
            version=VERSION,
            serviceCode=self.service_code,
            destination=self.destination.name,
            asOf=write_time(self.state.clock()),
            ledgerEpoch=self.head.ledger_epoch,
            since=write_cursor(self.position),
            after=self.after,
        )

    def _school(self, school: SchoolUnits) -> bytes:
        messages = [orjson.Fragment(forwarded_message(row, previous, self.head)) for row, previous in school.messages]
        lane = school.lane
        return _line(
            kind="school", brin=lane.brin, lastPlanned=lane.tail, lastEvent=lane.planned_through, messages=messages
        )


class SnapshotResponse(StreamingResponse):
    """Streams a snapshot, one per caller at a time; a reader that is too slow is cut off."""

    media_type = MEDIA_TYPE

    def __init__(self, snapshot: Snapshot, caller: Caller) -> None:
        super().__init__(snapshot.lines())
        self._readers = snapshot.state.snapshot_readers
        self._caller = caller.subject

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream; raise `TooManyRequests` while the same caller still reads another one."""
        if "hub.is_head" in scope:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": b""})
            return
        if self._caller in self._readers:
            raise TooManyRequests(RETRY_SECONDS, "you are still reading a snapshot; one at a time is sent to a caller")
        self._readers.add(self._caller)
        try:
            async with asyncio.timeout(STREAM_SECONDS + SLOW_READER_SECONDS):
                await super().__call__(scope, receive, send)
        except TimeoutError:
            log.warning("snapshot.cut_off", path=scope["path"], next="the reader goes on behind its last school")
        finally:
            self._readers.discard(self._caller)


@router.get(
    "/{service_code}",
    response_class=StreamingResponse,
    responses={
        200: {"description": DESCRIPTION, "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": EXAMPLE}}}
    },
)
async def get_snapshot(
    service_code: ServiceCodeField,
    caller: ReaderHere,
    c: ConnectionHere,
    state: AppStateHere,
    destination: Annotated[
        str | None, Query(max_length=100, description="Whose: needed where the caller may read several.")
    ] = None,
    after: Annotated[
        BrinField | None, Query(description="The last school that came; left out: from the first.")
    ] = None,
) -> Response:
    """Stream the current state of a service's units, as the messages that the receiver has or will get of them."""
    found = await _find_destination(c, caller, service_code, destination)
    settings = state.settings
    head = envelope_defaults(settings.oin, settings.http.address, await ledger.epoch(c))
    snapshot = Snapshot(
        state=state,
        service_code=service_code,
        destination=found,
        position=await snapshots.planned_position(c),
        head=head,
        after=after,
    )
    return SnapshotResponse(snapshot, caller)


async def _find_destination(c: ConnectionHere, caller: Caller, service_code: str, name: str | None) -> DestinationView:
    found = [
        each
        for each in await observe.read_destinations(c)
        if service_code in each.services
        and name in (None, each.name)
        and (is_operator(caller) or is_receiver(caller, each))
    ]
    queues = [each for each in found if each.kind == "duo"]
    if not found:
        raise NotFound(f"no snapshot of {service_code} for this caller")
    if len(found) > 1 and not queues:
        detail = f"name one of {', '.join(each.name for each in found[:20])}"
        field = FieldError(in_=FieldLocation.QUERY, field="/destination", code="required", detail=detail)
        raise InvalidInput([field])
    return (queues or found)[0]


def _line(**fields: Any) -> bytes:  # noqa: ANN401 - the values of a JSON object
    return orjson.dumps(fields) + b"\n"
