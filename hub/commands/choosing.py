"""What commands that choose deliveries share: the API's filters, and faults that name the command's own options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from hub.errors import FieldError, FieldLocation, InvalidInput
from schemas.kinds import HELD, DeliveryStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

Filters = TypeVar("Filters", bound=BaseModel)
SHOWN_STATUSES: Final = (*map(str, DeliveryStatus), HELD)
OPTION_NAMES: Final = {
    "brins": "brin",
    "mandateIds": "mandate",
    "deliveryIds": "delivery",
    "ratePerSecond": "rate",
    "serviceCode": "service",
    "mandateId": "mandate",
    "eventId": "event",
    "afterSequence": "after-sequence",
}
"""The options that are not called as the API calls the field."""


def check_statuses(statuses: list[str] | None) -> list[str] | None:
    """Let statuses through that `osr-hub deliveries` can show."""
    for status in statuses or ():
        if status not in SHOWN_STATUSES:
            raise typer.BadParameter(f"'{status}' is not a status; choose from {', '.join(SHOWN_STATUSES)}")
    return statuses


Statuses = Annotated[
    list[str] | None,
    typer.Option("--status", help="As `osr-hub deliveries` shows it; may be repeated.", callback=check_statuses),
]


def read_filters(kind: type[Filters], asked: Mapping[str, object]) -> Filters:
    """Read what was asked as the API reads it; `InvalidInput` names the options that are wrong."""
    try:
        return kind.model_validate({name: value for name, value in asked.items() if value not in (None, [])})
    except ValidationError as fault:
        raise InvalidInput(
            [
                FieldError(in_=FieldLocation.QUERY, field=_option(each["loc"]), code=each["type"], detail=each["msg"])
                for each in fault.errors(include_url=False)
            ]
        ) from fault


def _option(place: tuple[int | str, ...]) -> str:
    name = str(place[0]) if place else ""
    return f"--{OPTION_NAMES.get(name, name)}" if name else ""
