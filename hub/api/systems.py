"""`/v1/systems`: the administration systems that may be mandated. In: requests of operations. Out: systems."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from hub.api.auth import CallerHere, OperationsHere
from hub.api.mandate_context import MandateContextHere
from hub.api.parameters import PagingHere
from hub.api.state import ConnectionHere
from hub.imports import register_system, system_entry
from hub.store import audit, mandates
from hub.store.register import System
from hub.views.models import CamelModel, Items, RequestModel, example
from schemas.identifiers import OinField, ServiceCodeField
from schemas.text import NameField

router = APIRouter(prefix="/systems", tags=["systems"])


class SystemRequest(RequestModel):
    """A system that is registered, or gets another name or other services."""

    model_config = example(
        supplierOin="00000099000000001000", systemName="Voorbeeld LAS", serviceCodes=["VVA", "BRON_PO"]
    )

    supplier_oin: OinField
    system_name: NameField
    service_codes: Annotated[list[ServiceCodeField], Field(max_length=100)]


class SystemBody(CamelModel):
    """A system."""

    supplier_oin: str
    system_name: str
    service_codes: list[str]


@router.get("")
async def list_systems(c: ConnectionHere, _caller: CallerHere, paging: PagingHere) -> Items[SystemBody]:
    """List the systems that may be mandated."""
    after = paging.after(str)
    found = await mandates.list_systems(c, None if after is None else after[0], paging.limit + 1)
    return paging.page(found, lambda system: (system.supplier_oin,), _show)


@router.post("", status_code=HTTPStatus.CREATED, responses={200: {"model": SystemBody, "description": "Changed."}})
async def post_system(
    body: SystemRequest, _caller: OperationsHere, context: MandateContextHere, response: Response
) -> SystemBody:
    """Register a system (201), or what it is called and offers by now (200)."""
    async with context.change():
        before, system = await register_system(context.c, body.supplier_oin, body.system_name, body.service_codes)
        if before != system:
            await audit.write(context.c, system_entry(before, system, context.at.now, context.caller.subject))
    if before is not None:
        response.status_code = HTTPStatus.OK
    context.notifications.notify("destinations")
    return _show(system)


def _show(system: System) -> SystemBody:
    return SystemBody(
        supplier_oin=system.supplier_oin, system_name=system.name, service_codes=sorted(system.service_codes)
    )
