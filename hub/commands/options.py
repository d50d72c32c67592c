"""Options that several commands have: a reason, statuses, and filters that are read as the API reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from hub.domain.signing import InvalidKey, parse_secret
from hub.errors import FieldError, FieldLocation, InvalidInput
from hub.operations.controls import EMPTY_REASON, MAX_REASON_LENGTH
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
"""Options whose name differs from the API's field."""


def check_reason(reason: str | None) -> str | None:
    """Return a reason that is neither blank nor too long; raise `BadParameter` for another."""
    if reason is not None and not reason.strip():
        raise typer.BadParameter(EMPTY_REASON)
    if reason is not None and len(reason) > MAX_REASON_LENGTH:
        raise typer.BadParameter(f"it has {len(reason)} characters; {MAX_REASON_LENGTH} is the most")
    return reason


REASON_OPTION: Final = typer.Option("--reason", help="Why; kept in the audit.", callback=check_reason)
Reason = Annotated[str, REASON_OPTION]
From = Annotated[str | None, typer.Option("--from", help="Planned since, such as 2026-11-23T09:00:00Z.")]
To = Annotated[str | None, typer.Option("--to", help="Planned until.")]


def check_statuses(statuses: list[str] | None) -> list[str] | None:
    """Return statuses that `osr-hub deliveries` can show; raise `BadParameter` for another."""
    for status in statuses or ():
        if status not in SHOWN_STATUSES:
            raise typer.BadParameter(f"'{status}' is not a status; choose from {', '.join(SHOWN_STATUSES)}")
    return statuses


Statuses = Annotated[
    list[str] | None,
    typer.Option("--status", help="As `osr-hub deliveries` shows it; may be repeated.", callback=check_statuses),
]


def read_secret(text: str) -> bytes:
    """Read the secret of a webhook; raise `BadParameter` that does not show it."""
    try:
        return parse_secret(text.strip())
    except InvalidKey as fault:
        raise typer.BadParameter(str(fault), param_hint="--secret") from fault


def read_filters(kind: type[Filters], given: Mapping[str, object]) -> Filters:
    """Read options as the API reads its parameters; `InvalidInput` names the options that are wrong."""
    try:
        return kind.model_validate({name: value for name, value in given.items() if value not in (None, [])})
    except ValidationError as fault:
        raise InvalidInput(
            [
                FieldError(in_=FieldLocation.QUERY, field=_option(each["loc"]), code=each["type"], detail=each["msg"])
                for each in fault.errors(include_url=False)
            ]
        ) from fault


def _option(path: tuple[int | str, ...]) -> str:
    name = str(path[0]) if path else ""
    return f"--{OPTION_NAMES.get(name, name)}" if name else ""
