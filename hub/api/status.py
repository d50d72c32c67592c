"""`/v1/schools/{brin}/status`, `/v1/mandates/{id}/status`: what was sent, and whether it is processed, per branch."""

from uuid import UUID

from fastapi import APIRouter

from hub.access import Caller
from hub.access.boards import own_schools
from hub.access.rules import may_read_school
from hub.api.auth import CallerHere
from hub.api.state import ConnectionHere, NowHere
from hub.clock import today
from hub.errors import NotFound
from hub.observe.status import school_status
from hub.store import register
from hub.store.pool import Connection
from hub.views.status import SchoolStatusBody, show_status
from schemas.identifiers import BrinField

router = APIRouter(tags=["status"])


@router.get("/schools/{brin}/status")
async def get_school_status(brin: BrinField, c: ConnectionHere, caller: CallerHere, now: NowHere) -> SchoolStatusBody:
    """Return per branch and mandate what was sent, whether it is processed, and how long each hop took."""
    found = await school_status(c, brin, now, today(now)) if await _may_read(c, caller, brin) else None
    if found is None:
        raise NotFound(f"no school {brin}")
    return show_status(found)


@router.get("/mandates/{mandate_id}/status")
async def get_mandate_status(mandate_id: UUID, c: ConnectionHere, caller: CallerHere, now: NowHere) -> SchoolStatusBody:
    """Return the status of one mandate: only its own cells."""
    mandate = await register.find_mandate(c, mandate_id)
    if mandate is None or not await _may_read(c, caller, mandate.brin):
        raise NotFound(f"no mandate {mandate_id}")
    found = await school_status(c, mandate.brin, now, today(now), mandate_id)
    if found is None:
        raise NotFound(f"no mandate {mandate_id}")
    return show_status(found)


async def _may_read(c: Connection, caller: Caller, brin: str) -> bool:
    return may_read_school(caller, brin, await own_schools(c, caller))
