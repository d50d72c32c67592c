"""`/v1/reconciliation`: compare a receiver's units with the messages sent to it. In: its units. Out: differences."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter
from pydantic import ConfigDict, Field, StrictInt

from hub.access.rules import require_supplier
from hub.api.auth import LasHere
from hub.api.state import ConnectionHere, NowHere, SettingsHere
from hub.envelopes import envelope_defaults, forwarded_message
from hub.errors import FieldError, InvalidInput
from hub.observe.reconcile import HeldUnit, reconcile
from hub.store import deliveries as store
from hub.store import ledger
from hub.views.few_errors import FewErrors
from hub.views.models import CamelModel, Moment, RequestModel, example
from schemas.identifiers import BranchField, ServiceCodeField
from schemas.messages import HIGHEST_VERSION

router = APIRouter(tags=["reconciliation"])
MAX_UNITS = 100_000


class HeldUnitBody(CamelModel):
    """A unit as the receiver holds it; without a branch it is the rest of the school."""

    model_config = ConfigDict(extra="forbid", validate_by_name=False)  # texts are checked with the whole request, once

    mandate_id: UUID
    branch: BranchField | None = None
    mandate_version: Annotated[StrictInt, Field(ge=0, le=HIGHEST_VERSION)]


class ReconciliationRequest(RequestModel):
    """All that the receiver holds for a service."""

    model_config = example(
        serviceCode="VVA",
        units=[{"mandateId": "019ab0f2-7d1c-7c3e-8a55-0f2b1c3d4e5f", "branch": "18DS00", "mandateVersion": 2}],
    )

    service_code: ServiceCodeField
    units: Annotated[list[HeldUnitBody], Field(max_length=MAX_UNITS), FewErrors()]


class UnknownUnitBody(CamelModel):
    """A unit that the receiver holds and that no message to it was about."""

    mandate_id: UUID
    branch: str | None
    mandate_version: int


class ReconciliationBody(CamelModel):
    """What must change at the receiver: messages to take in, units to drop, messages that come by themselves."""

    as_of: Moment
    missing: list[dict[str, Any]]
    outdated: list[dict[str, Any]]
    unknown: list[UnknownUnitBody]
    pending: list[dict[str, Any]]


@router.post("/reconciliation")
async def post_reconciliation(
    body: ReconciliationRequest, caller: LasHere, c: ConnectionHere, now: NowHere, settings: SettingsHere
) -> ReconciliationBody:
    """Compare the units that a system holds with the messages sent to it."""
    holds = [HeldUnit(u.mandate_id, u.branch or "", u.mandate_version) for u in body.units]
    found = await reconcile(c, require_supplier(caller), body.service_code, holds)
    if found is None:
        detail = f"the hub tells this system nothing of {body.service_code}; a subscription may ask for it"
        raise InvalidInput([FieldError(field="/serviceCode", code="not_told", detail=detail)])
    head = envelope_defaults(settings.oin, settings.http.address, await ledger.epoch(c))

    async def messages(ids: list[UUID]) -> list[dict[str, Any]]:
        return [orjson.loads(forwarded_message(row, before, head)) for row, before in await store.read_messages(c, ids)]

    return ReconciliationBody(
        as_of=now,
        missing=await messages(found.missing),
        outdated=await messages(found.outdated),
        unknown=[
            UnknownUnitBody(mandate_id=u.mandate_id, branch=u.branch or None, mandate_version=u.mandate_version)
            for u in found.unknown
        ],
        pending=await messages(found.pending),
    )
