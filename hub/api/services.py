"""`/v1/services`: what mandates can be for. In: requests of operations. Out: services, their queues and topics."""

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from hub.access import Actor
from hub.api.answers import ETAG, LOCATION, TAGGED
from hub.api.auth import CallerHere, OperationsHere
from hub.api.parameters import IfMatch, check_match, etag
from hub.api.state import ConnectionHere, NotificationsHere, NowHere, SettingsHere
from hub.domain.system import Service
from hub.errors import FieldError, InvalidInput, NotFound
from hub.operations import services
from hub.operations.services import NewService
from hub.store import register
from hub.store.pool import Connection
from hub.views.models import Items, RequestModel, example
from hub.views.services import NewServiceBody, ServiceBody, show_new_service, show_service
from schemas.identifiers import ServiceCodeField
from schemas.text import NameField

router = APIRouter(prefix="/services", tags=["services"])


class ServiceRequest(RequestModel):
    """A service that mandates can be for from now on; one of DUO gets a queue of its own."""

    model_config = example(serviceCode="ROD_VO", shownAs="ROD vo", kind="duo")

    service_code: ServiceCodeField
    shown_as: NameField
    kind: Literal["duo", "las"]
    topic: Annotated[str, Field(max_length=249)] | None = None
    """Follows from the code of a service of DUO; anything else is refused."""


class ServicePatch(RequestModel):
    """What a service is shown as."""

    model_config = example(shownAs="ROD voortgezet onderwijs")

    shown_as: NameField


@router.get("")
async def list_services(c: ConnectionHere, _caller: CallerHere) -> Items[ServiceBody]:
    """List the services that mandates are for."""
    return Items(items=[show_service(each) for each in await register.services(c)], next=None)


@router.get("/{service_code}", responses=TAGGED)
async def get_service(
    service_code: ServiceCodeField, c: ConnectionHere, _caller: CallerHere, response: Response
) -> ServiceBody:
    """Read a service."""
    found = await _find(c, service_code)
    response.headers["ETag"] = etag(found.version)
    return show_service(found)


@router.post("", status_code=HTTPStatus.CREATED, responses={201: {"headers": LOCATION | ETAG}})
async def post_service(  # noqa: PLR0913, PLR0917 - one parameter per thing that a call is given
    body: ServiceRequest,
    caller: OperationsHere,
    c: ConnectionHere,
    now: NowHere,
    settings: SettingsHere,
    notifications: NotificationsHere,
    response: Response,
) -> NewServiceBody:
    """Add a service: it flows at once, and nothing is restarted. A service of DUO gets its topic here, if it can."""
    wanted = NewService(code=body.service_code, shown_as=body.shown_as, kind=body.kind)
    if body.topic not in (None, wanted.as_service().topic):
        detail = f"the topic follows from the code: {wanted.as_service().topic or 'none, for a service of a LAS'}"
        raise InvalidInput([FieldError(field="/topic", code="derived", detail=detail)])
    async with c.transaction():
        made = await services.add_service(c, Actor(caller=caller, at=now), wanted)
    notifications.notify(services.CHANNEL)
    response.headers["Location"] = f"/v1/services/{made.code}"
    response.headers["ETag"] = etag(made.version)
    return show_new_service(made, await services.create_topic(settings.duo_kafka, made), services.acl_template(made))


@router.patch("/{service_code}", responses=TAGGED)
async def patch_service(  # noqa: PLR0913, PLR0917 - one parameter per thing that a call is given
    service_code: ServiceCodeField,
    body: ServicePatch,
    caller: OperationsHere,
    c: ConnectionHere,
    now: NowHere,
    response: Response,
    if_match: IfMatch = None,
) -> ServiceBody:
    """Show a service by another name; its code, kind and topic never change."""
    before = await _find(c, service_code)
    check_match(if_match, before.version, required=True)
    async with c.transaction():
        after = await services.rename_service(
            c, Actor(caller=caller, at=now), service_code, body.shown_as, before.version
        )
    response.headers["ETag"] = etag(after.version)
    return show_service(after)


async def _find(c: Connection, code: str) -> Service:
    found = next((each for each in await register.services(c) if each.code == code), None)
    if found is None:
        raise NotFound(f"no service {code}")
    return found
