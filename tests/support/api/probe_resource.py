"""A resource for tests of what all resources share. Out: a client of an API that has it."""

import asyncio
from collections import defaultdict, deque
from pathlib import Path
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, FastAPI, Request, Response

from hub.access import Caller, Role
from hub.api.auth import require
from hub.api.parameters import IfMatch, PagingHere, check_match, etag
from hub.api.state import ConnectionHere, borrow
from hub.errors import Conflict, NotFound
from hub.store.pool import Pool
from hub.views.models import Day, RequestModel
from tests.support.api.client import Client, client_of


class ProbeRequest(RequestModel):
    """A body like those of the API."""

    start_date: Day
    how_many: int


GATES: dict[str, deque[tuple[asyncio.Event, asyncio.Event]]] = defaultdict(deque)
router = APIRouter(prefix="/v1/probes")


@router.get("")
async def list_probes(paging: PagingHere) -> dict[str, Any]:
    """Return the paging of a request."""
    return {"limit": paging.limit, "after": paging.after(str, int)}


@router.post("")
async def make(request: ProbeRequest, _caller: Annotated[Caller, Depends(require(Role.SCHOOL))]) -> dict[str, int]:
    """Return what a body holds."""
    return {"howMany": request.how_many}


@router.patch("/{number}")
async def change(number: int, if_match: IfMatch = None) -> Response:
    """Change a resource that has version 3."""
    check_match(if_match, 3, required=True)
    return Response(status_code=204, headers={"ETag": etag(4), "X-Number": str(number)})


@router.post("/rows")
async def add_row(c: ConnectionHere, *, fail: bool = False) -> Response:
    """Write a row, and fail afterwards if asked to."""
    async with c.transaction():
        number = await c.fetchval("insert into probe default values returning n")
        if fail:
            raise Conflict("no_luck", "it failed after writing")
    return Response(
        b'{"secret": "whsec_hush"}', 201, {"Location": f"/v1/probes/{number}", "content-type": "application/json"}
    )


@router.post("/gated")
async def add_row_behind_a_gate(request: Request, gate: str) -> Response:
    """Say that the request is here, wait for its gate, and write a row."""
    here, opened = GATES[gate].popleft()
    here.set()
    await opened.wait()
    return await _add(request)


@router.post("/large")
async def add_row_and_say_much(request: Request) -> Response:
    """Write a row and answer more than is kept."""
    await _add(request)
    return Response(b'"' + b"x" * 70_000 + b'"', 201, {"content-type": "application/json"})


@router.post("/counted")
async def count_rows(c: ConnectionHere) -> dict[str, int]:
    """Read only."""
    return {"rows": await c.fetchval("select count(*) from probe")}


@router.get("/broken")
async def break_down() -> None:
    """Fail with an unexpected error."""
    raise RuntimeError("postgresql://user:password@secret")


@router.get("/absent")
async def find_nothing() -> None:
    """Fail as a use case does."""
    raise NotFound("no such probe")


async def _add(request: Request) -> Response:
    async with borrow(request) as c, c.transaction():
        await c.execute("insert into probe default values")
    return Response(b"{}", 201, {"content-type": "application/json"})


def probing(folder: Path, pool: Pool | None = None, **settings: str) -> Client:
    """Return a client of the API with the probes in it."""
    client = client_of(folder, pool, **settings)
    cast("FastAPI", client.app).include_router(router)
    return client
