"""`/v1/reconciliation`: compare a receiver's units with the messages sent to it. In: its units. Out: differences."""

from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Response
from pydantic import ConfigDict, Field, StrictInt, TypeAdapter

from hub.access import Caller, Role
from hub.access.rules import require_supplier
from hub.api.auth import require
from hub.api.sliced_route import sliced_route
from hub.api.state import ConnectionHere, NowHere, SettingsHere
from hub.clock import today
from hub.domain.rules import RuleViolation
from hub.domain.system import choose_own
from hub.envelopes import EnvelopeDefaults, envelope_defaults, forwarded_message
from hub.errors import FieldError, InvalidInput
from hub.observe.reconcile import Differences, HeldUnit, reconcile, reconcile_queue
from hub.slices import in_slices
from hub.store import deliveries as store
from hub.store import ledger, register
from hub.store.pool import Connection
from hub.views.few_errors import CheckedList, FewErrors
from hub.views.models import CamelModel, Moment, RequestModel, example, find_unstorable
from schemas.cloudevents import write_time
from schemas.identifiers import BranchField, BrinField, ServiceCodeField, SystemCode, SystemCodeField
from schemas.messages import HIGHEST_VERSION

ReceiverHere = Annotated[Caller, Depends(require(Role.LAS, Role.DUO))]
MAX_UNITS: Final = 100_000
MAX_BRINS: Final = 1000
MAX_DIFFERENCES: Final = 5000
"""The most messages in one answer to DUO; pages of schools keep it below."""


class HeldUnitBody(CamelModel):
    """A unit as the receiver holds it; without a branch it is the rest of the school."""

    model_config = ConfigDict(extra="forbid", validate_by_name=False)  # texts are checked with the whole request, once

    mandate_id: UUID
    branch: BranchField | None = None
    mandate_version: Annotated[StrictInt, Field(ge=0, le=HIGHEST_VERSION)]


class ReconciliationRequest(RequestModel):
    """All that the receiver holds for a service: of the schools of a page, or of all schools."""

    model_config = example(
        serviceCode="VVA",
        units=[{"mandateId": "019ab0f2-7d1c-7c3e-8a55-0f2b1c3d4e5f", "branch": "18DS00", "mandateVersion": 2}],
    )

    service_code: ServiceCodeField
    system_code: SystemCodeField | None = None
    """The system of a supplier that compares; left out: its only one."""
    brins: Annotated[list[BrinField], Field(min_length=1, max_length=MAX_BRINS), FewErrors()] | None = None
    """A page of schools: only their units are compared, and only theirs may be named. Left out: all schools."""
    units: Annotated[list[HeldUnitBody], Field(max_length=MAX_UNITS), FewErrors()]


_UNITS: Final = TypeAdapter(list[HeldUnitBody])


def _long_lists() -> dict[str, CheckedList]:
    return {"units": CheckedList(_UNITS.validate_python, MAX_UNITS, find_unstorable)}


router = APIRouter(tags=["reconciliation"], route_class=sliced_route(_long_lists))


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


@router.post("/reconciliation", response_model=ReconciliationBody)
async def post_reconciliation(
    body: ReconciliationRequest, caller: ReceiverHere, c: ConnectionHere, now: NowHere, settings: SettingsHere
) -> Response:
    """Compare the units that a system holds, or DUO for one of its services, with the messages sent to it."""
    system = await _system(c, caller, body) if caller.has(Role.LAS) else None
    await _check_page(c, body, system)
    holds: list[HeldUnit] = []
    async for some in in_slices(body.units):
        holds += [HeldUnit(u.mandate_id, u.branch or "", u.mandate_version) for u in some]
    if system is not None:
        found = await reconcile(c, system, body.service_code, holds, body.brins)
    else:
        found = await reconcile_queue(c, body.service_code, holds, body.brins, today(now))
    found = _check_found(found, body, system)
    head = envelope_defaults(settings.oin, settings.http.address, await ledger.epoch(c))

    answer = {
        "asOf": write_time(now),
        "missing": await _messages(c, found.missing, head),
        "outdated": await _messages(c, found.outdated, head),
        "unknown": await _unknown(found.unknown),
        "pending": await _messages(c, found.pending, head),
    }
    return Response(orjson.dumps(answer), media_type="application/json")


async def _messages(c: Connection, ids: list[UUID], head: EnvelopeDefaults) -> list[orjson.Fragment]:
    messages: list[orjson.Fragment] = []
    async for some in in_slices(ids):
        rows = await store.read_messages(c, some)
        messages += [orjson.Fragment(forwarded_message(row, before, head)) for row, before in rows]
    return messages


async def _unknown(units: list[HeldUnit]) -> list[orjson.Fragment]:
    shown: list[orjson.Fragment] = []
    async for some in in_slices(units):
        shown += [
            orjson.Fragment(
                orjson.dumps(
                    {"mandateId": u.mandate_id, "branch": u.branch or None, "mandateVersion": u.mandate_version}
                )
            )
            for u in some
        ]
    return shown


async def _system(c: Connection, caller: Caller, body: ReconciliationRequest) -> SystemCode:
    """Return the system that compares; raise `InvalidInput` when the caller does not say which."""
    references = await register.references(c)
    found = choose_own(references, require_supplier(caller), caller.systems, body.system_code)
    if isinstance(found, RuleViolation):
        if found.code == "unknown_system" and body.system_code is None:
            return SystemCode(require_supplier(caller))
        raise InvalidInput([FieldError(field=found.field, code=found.code, detail=found.detail)])
    return found.code


async def _check_page(c: Connection, body: ReconciliationRequest, system: str | None) -> None:
    """Raise `InvalidInput` for units of schools outside the page: they would look unknown."""
    if body.brins is None:
        return
    named: set[UUID] = set()
    async for some in in_slices(body.units):
        named.update(unit.mandate_id for unit in some)
    elsewhere = await store.of_other_schools(c, named, body.brins, system)
    errors = [
        FieldError(
            field=f"/units/{place}/mandateId",
            code="other_school",
            detail=f"mandate {unit.mandate_id} is of school {elsewhere[unit.mandate_id]}, which `brins` does not name",
        )
        for place, unit in enumerate(body.units)
        if unit.mandate_id in elsewhere
    ]
    if errors:
        raise InvalidInput(errors)


def _check_found(found: Differences | None, body: ReconciliationRequest, system: str | None) -> Differences:
    if found is None:
        who, way = ("this system", "a subscription may ask for it") if system else ("DUO", "it has no queue for it")
        detail = f"the hub tells {who} nothing of {body.service_code}; {way}"
        raise InvalidInput([FieldError(field="/serviceCode", code="not_told", detail=detail)])
    many = len(found.missing) + len(found.outdated) + len(found.pending)
    if system is None and body.brins is None and many > MAX_DIFFERENCES:
        detail = f"{many} units differ; compare them in pages of at most {MAX_BRINS} schools"
        raise InvalidInput([FieldError(field="/brins", code="too_many", detail=detail)])
    return found
