"""`/v1/audit`: who did what, to which school, and why. Out: notes, newest first."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from hub.api.auth import OperationsHere
from hub.api.models import AskedMoment, CamelModel, Items, Moment
from hub.api.paging import PagingHere
from hub.api.wiring import ConnectionHere
from hub.store import operations
from schemas.identifiers import BrinField

router = APIRouter(prefix="/audit", tags=["operations"])


class AuditBody(CamelModel):
    """What somebody did."""

    n: int
    at: Moment
    actor: str
    action: str
    brin: str | None
    subject: dict[str, Any]
    reason: str | None


@router.get("")
async def list_audit(
    c: ConnectionHere,
    _caller: OperationsHere,
    paging: PagingHere,
    brin: Annotated[BrinField | None, Query()] = None,
    since: Annotated[AskedMoment | None, Query(alias="from")] = None,
    until: Annotated[AskedMoment | None, Query(alias="to")] = None,
) -> Items[AuditBody]:
    """List the notes of the audit, newest first."""
    after = paging.after(int)
    found = await operations.list_audit(
        c, brin=brin, since=since, until=until, before=after[0] if after else None, most=paging.limit + 1
    )
    return paging.page(found, lambda entry: (entry.n,), AuditBody.model_validate)
