"""The `data` of every published message: a mandate change, a delivery change, a report.

What the hub writes (mandate change, delivery change) is checked strictly where it is built and in tests; what others
write (a report) is read leniently: unknown fields are ignored, absent optional ones have a meaning, free text is cut
and masked here, at the door, so that nothing behind it ever holds a person's number.
"""

import re
from datetime import date
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from schemas.identifiers import (
    BgeCodeField,
    BranchField,
    BrinField,
    OinField,
    RoutingIdField,
    SchoolOinField,
    ServiceCodeField,
    SystemCode,
    SystemCodeField,
    check_branch_of,
    check_routing_of,
    school_oin,
)
from schemas.kinds import Change, DeliveryStatus, MandateState, NoticeCause, ReportStatus, SignalKind
from schemas.masking import mask_numbers
from schemas.moments import Moment

SIGNAL_TEXT_LENGTH = 500
SIGNAL_CODE_LENGTH = 100
HIGHEST_VERSION = 2**31 - 1

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


class Published(BaseModel):
    """A value of the published language: lower-camel names outside, immutable inside, unknown fields ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
    )


class BranchRoute(Published):
    """One branch that a mandate covers, and the routing characteristic by which it is reached."""

    branch: BranchField
    routing_id: RoutingIdField | None
    """Null for a branch that is part of the rest."""


class MandateChange(Published):
    """A mandate as it is after a change: the whole state, so that a receiver need not call back."""

    mandate_id: UUID
    mandate_version: Annotated[int, Field(ge=1, le=HIGHEST_VERSION)]
    """Rises with every change; a receiver ignores what is not above the version it holds for the same branch."""
    state: MandateState
    changes: tuple[Change, ...]
    """What differs from the mandate before."""
    brin: BrinField
    school_oin: SchoolOinField
    bge_code: BgeCodeField
    service_code: ServiceCodeField
    supplier_oin: OinField
    system_code: SystemCodeField | None = None
    """Absent in what older versions of the hub wrote: then the supplier has one system."""
    system_name: str
    start_date: date
    """First day, in Europe/Amsterdam."""
    end_date: date | None
    """Last day included, in Europe/Amsterdam; null when no end is known."""
    branches: tuple[BranchRoute, ...]
    """In an event all branches that the mandate covers; in a forwarded message those of the unit."""
    copied_from: UUID | None
    """The mandate that this one was copied from."""
    rest_told: bool | None = None
    """In an event: whether the system has been told of the branches without a routing characteristic. Absent in a
    forwarded message, and where the mandate has ended or no branch is without one."""

    @property
    def system(self) -> SystemCode:
        """The code of the system; its supplier's OIN where it has none."""
        return self.system_code or SystemCode(self.supplier_oin)

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if self.school_oin != school_oin(self.brin):
            msg = f"schoolOin {self.school_oin} is not the OIN of school {self.brin}"
            raise ValueError(msg)
        if self.end_date is not None and self.end_date < self.start_date:
            msg = f"endDate {self.end_date} lies before startDate {self.start_date}"
            raise ValueError(msg)
        for route in self.branches:
            check_branch_of(route.branch, self.brin)
            if route.routing_id is not None:
                check_routing_of(route.routing_id, self.brin)
        return self


def _written(value: object) -> object:
    """Take a number for the text it is written as, and drop what no database stores."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return _CONTROL.sub("", value) if isinstance(value, str) else value


SignalText = Annotated[
    str,
    BeforeValidator(_written),
    AfterValidator(lambda text: mask_numbers(text)[:SIGNAL_TEXT_LENGTH]),
]
SignalCode = Annotated[
    str,
    BeforeValidator(_written),
    AfterValidator(lambda code: mask_numbers(code)[:SIGNAL_CODE_LENGTH]),
]


class Signal(Published):
    """A remark of a back office about a delivery; shown to the school and operations, never published."""

    kind: SignalKind
    code: SignalCode | None = None
    text: SignalText | None = None
    """Cut at 500 characters; numbers that could be a person's are starred out."""


_NAMED_ONE_WAY: JsonDict = {
    "oneOf": [
        {
            "required": ["deliveryId"],
            "properties": {
                "deliveryId": {"type": "string"},
                "mandateId": {"type": "null"},
                "mandateVersion": {"type": "null"},
            },
        },
        {
            "required": ["mandateId", "mandateVersion"],
            "properties": {
                "deliveryId": {"type": "null"},
                "mandateId": {"type": "string"},
                "mandateVersion": {"type": "integer"},
            },
        },
    ]
}


class Report(Published):
    """What a receiver did with a delivery, named by its id or by mandate and version."""

    model_config = ConfigDict(json_schema_extra=_NAMED_ONE_WAY)

    delivery_id: UUID | None = None
    """Names one delivery. Exclusive with mandateId and mandateVersion."""
    mandate_id: UUID | None = None
    """With mandateVersion: names all units of that version at the receiver's destination."""
    mandate_version: Annotated[int, Field(ge=1, le=HIGHEST_VERSION)] | None = None
    status: ReportStatus
    signals: Annotated[tuple[Signal, ...], BeforeValidator(lambda given: () if given is None else given)] = ()
    reported_at: Moment
    """When the receiver came to this; a later one corrects an earlier one."""

    @model_validator(mode="after")
    def _names_one_thing(self) -> Self:
        by_mandate = self.mandate_id is not None and self.mandate_version is not None
        half_named = (self.mandate_id is None) != (self.mandate_version is None)
        if half_named or by_mandate == (self.delivery_id is not None):
            msg = "name the delivery by deliveryId, or by mandateId and mandateVersion together; not both"
            raise ValueError(msg)
        return self


class DeliveryChange(Published):
    """The end of transport or of processing of one delivery."""

    delivery_id: UUID
    event_id: UUID
    destination: Annotated[str, Field(pattern=r"^(duo:[a-z0-9-]+|las(-copy)?:[A-Za-z0-9][A-Za-z0-9-]{1,39})$")]
    """`duo:<queue>`, `las:<system code>` or `las-copy:<system code>`."""
    brin: BrinField
    branch: BranchField | None
    """Null when the unit is the rest."""
    mandate_id: UUID
    mandate_version: Annotated[int, Field(ge=1, le=HIGHEST_VERSION)]
    previous_status: DeliveryStatus
    status: DeliveryStatus
    at: AwareDatetime
    reason: str | None


class SubscriptionNotice(Published):
    """What a supplier should know of its subscription; one is sent per cause until that ends."""

    subscription_id: UUID
    supplier_oin: OinField
    system_code: SystemCodeField
    destination: str
    """Where the messages of the subscription go."""
    cause: NoticeCause
    detail: str
    """What happened and what to do, in a sentence for people."""
    since: AwareDatetime
    """When the cause began; for something that expires, when it does."""
