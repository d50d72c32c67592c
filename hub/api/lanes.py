"""`/v1/lanes`: how far each school's line to each destination is. Out: numbers a receiver compares with its own."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from hub.access import Caller, Role
from hub.access.rules import lane_scope
from hub.api.auth import require
from hub.api.parameters import PagingHere
from hub.api.state import ConnectionHere
from hub.store import deliveries as store
from hub.store import observe
from hub.views.deliveries import LaneBody, show_lane
from hub.views.models import Items
from schemas.identifiers import BrinField

router = APIRouter(prefix="/lanes", tags=["deliveries"])
ReaderHere = Annotated[Caller, Depends(require(Role.LAS, Role.DUO, Role.OPERATIONS))]


@router.get("")
async def list_lanes(
    c: ConnectionHere,
    caller: ReaderHere,
    paging: PagingHere,
    destination: Annotated[str | None, Query(max_length=100)] = None,
    brin: Annotated[BrinField | None, Query()] = None,
) -> Items[LaneBody]:
    """List lanes that the caller may read, by destination and school."""
    destinations = {each.id: each for each in await observe.read_destinations(c) if destination in (None, each.name)}
    parameters = lane_scope(caller, destinations.values()).narrow(list(destinations), brin)
    found = await store.list_lanes(
        c, parameters["destinations"], parameters["brins"], paging.after(int, str), paging.limit + 1
    )
    return paging.page(
        found, lambda lane: (lane.destination, lane.brin), lambda lane: show_lane(lane, destinations[lane.destination])
    )
