"""The bodies of services and systems. In: rows of the register. Out: what the API and the commands answer."""

from typing import Literal

from hub.domain.system import Service, System
from hub.views.models import CamelModel


class ServiceBody(CamelModel):
    """A service; without a destination of its own its messages go to the webhook of the mandated system."""

    service_code: str
    code: str
    """As `serviceCode`; for callers that read the first version of this answer."""
    shown_as: str
    kind: Literal["duo", "las"]
    destination: str | None
    topic: str | None


class ServiceWarning(CamelModel):
    """Something that operators should do."""

    code: Literal["topic_missing"]
    detail: str


class NewServiceBody(ServiceBody):
    """A service that was added, with what is left to do."""

    warnings: list[ServiceWarning]
    acl: list[str]
    """Commands that let DUO read its queue and the hub write it, with the names of the broker to fill in."""


class ContactBody(CamelModel):
    """Whom to tell about a system."""

    name: str | None
    email: str | None
    phone: str | None
    url: str | None


class SystemBody(CamelModel):
    """A system."""

    system_code: str
    supplier_oin: str
    system_name: str
    service_codes: list[str]
    contact: ContactBody


def show_service(service: Service) -> ServiceBody:
    """Show a service."""
    return ServiceBody(
        service_code=service.code,
        code=service.code,
        shown_as=service.shown_as,
        kind=service.kind,
        destination=service.destination,
        topic=service.topic,
    )


def show_new_service(service: Service, missing: str | None, acl: list[str]) -> NewServiceBody:
    """Show a service that was added; `missing` is why its topic is not there."""
    warnings = [] if missing is None else [ServiceWarning(code="topic_missing", detail=missing)]
    return NewServiceBody(**show_service(service).model_dump(), warnings=warnings, acl=acl)


def show_system(system: System) -> SystemBody:
    """Show a system."""
    return SystemBody(
        system_code=system.code,
        supplier_oin=system.supplier_oin,
        system_name=system.name,
        service_codes=sorted(system.service_codes),
        contact=ContactBody.model_validate(system.contact),
    )
