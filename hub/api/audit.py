"""`/v1/audit`: who changed what, of which school, and why. Out: audit entries, newest first."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from hub.api.auth import OperationsHere
from hub.api.parameters import PagingHere
from hub.api.state import ConnectionHere
from hub.store import audit_search
from hub.store.audit_search import AuditSearch
from hub.store.operations import AuditRecord
from hub.views.models import CamelModel, Items, Moment, RequestMoment
from schemas.identifiers import BrinField

router = APIRouter(prefix="/audit", tags=["operations"])


class AuditBody(CamelModel):
    """One change; `before` and `after` hold the fields that differ."""

    n: int
    at: Moment
    actor: Annotated[str, Field(description="A pseudonym, or the hub or its command line.")]
    actor_name: Annotated[str | None, Field(description="The subject of the person's token; null when it was erased.")]
    action: str
    brin: str | None
    subject: dict[str, Any]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str | None
    number: Annotated[int, Field(description="Its number in the chain of its school, or of what has no school.")]
    seal: Annotated[str, Field(description="SHA-256 of the seal before it in its chain, and of this entry.")]


@router.get("")
async def list_audit(
    c: ConnectionHere,
    _caller: OperationsHere,
    paging: PagingHere,
    brin: Annotated[BrinField | None, Query()] = None,
    since: Annotated[RequestMoment | None, Query(alias="from")] = None,
    until: Annotated[RequestMoment | None, Query(alias="to")] = None,
) -> Items[AuditBody]:
    """List audit entries, newest first."""
    after = paging.after(int)
    wanted = AuditSearch(brin=brin, since=since, until=until, before=after[0] if after else None)
    found = await audit_search.list_audit(c, wanted, paging.limit + 1)
    return paging.page(found, lambda entry: (entry.id,), _show)


def _show(entry: AuditRecord) -> AuditBody:
    return AuditBody.model_validate({**asdict(entry), "n": entry.id, "seal": entry.seal.hex()})
