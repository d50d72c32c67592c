"""`/v1/systems`: the administration systems that may be mandated. In: requests of operations. Out: systems."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from hub.api.auth import CallerHere, OperationsHere
from hub.api.mandate_context import MandateContextHere
from hub.api.parameters import PagingHere
from hub.api.state import ConnectionHere, NotificationsHere
from hub.domain.system import Contact
from hub.imports import register_system, system_entry
from hub.store import audit, mandates
from hub.views.models import Items, RequestModel, example
from hub.views.services import SystemBody, show_system
from schemas.identifiers import OinField, ServiceCodeField, SystemCodeField
from schemas.text import NameField

router = APIRouter(prefix="/systems", tags=["systems"])


class ContactRequest(RequestModel):
    """Whom to tell about a system."""

    model_config = example(name="Servicedesk", email="servicedesk@las.example", phone="0201234567", url=None)

    name: NameField | None = None
    email: Annotated[str, Field(max_length=254, pattern=r"^[!-?A-~]+@[!-?A-~]+$")] | None = None
    phone: Annotated[str, Field(max_length=30, pattern=r"^[0-9+() -]*[0-9][0-9+() -]*$")] | None = None
    url: Annotated[str, Field(max_length=2000, pattern=r"^https?://[!-~]+$")] | None = None


class SystemRequest(RequestModel):
    """A system that is registered, or gets another name or other services."""

    model_config = example(
        supplierOin="00000099000000001000", systemName="Voorbeeld LAS", serviceCodes=["VVA", "BRON_PO"]
    )

    supplier_oin: OinField
    system_code: SystemCodeField | None = None
    """Left out: its supplier's OIN."""
    system_name: NameField
    service_codes: Annotated[list[ServiceCodeField], Field(max_length=100)]
    contact: ContactRequest | None = None
    """Whom to tell about the system; left out, it stays as it is."""


@router.get("")
async def list_systems(c: ConnectionHere, _caller: CallerHere, paging: PagingHere) -> Items[SystemBody]:
    """List the systems that may be mandated."""
    after = paging.after(str)
    found = await mandates.list_systems(c, None if after is None else after[0], paging.limit + 1)
    return paging.page(found, lambda system: (system.code,), show_system)


@router.post("", status_code=HTTPStatus.CREATED, responses={200: {"model": SystemBody, "description": "Changed."}})
async def post_system(
    body: SystemRequest,
    _caller: OperationsHere,
    context: MandateContextHere,
    notifications: NotificationsHere,
    response: Response,
) -> SystemBody:
    """Register a system (201), or what it is called and offers by now (200)."""
    async with context.c.transaction():
        before, system = await register_system(
            context.c,
            body.supplier_oin,
            body.system_name,
            body.service_codes,
            system_code=body.system_code,
            contact=None if body.contact is None else Contact(**body.contact.model_dump()),
        )
        if before != system:
            await audit.write(context.c, system_entry(before, system, context.at.now, context.caller.subject))
    if before is not None:
        response.status_code = HTTPStatus.OK
    notifications.notify("destinations")
    return show_system(system)
