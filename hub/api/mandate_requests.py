"""The bodies of requests for mandates. In: JSON. Out: requests in the hub's own terms, or all faults of their form."""

from datetime import date
from typing import Annotated, Final, LiteralString, NoReturn

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from hub.api.bodies import FormChecked
from hub.domain.rules import GrantRequest, PartialGrant
from hub.operations.controls import MAX_REASON_LENGTH
from hub.register import UNCHANGED, DateChange
from hub.views.few_errors import FewErrors
from hub.views.models import NULL_IS_DEFAULT, Day, RequestModel, example
from schemas.identifiers import BranchField, BrinField, OinField, RoutingIdField, ServiceCodeField, SystemCodeField

MAX_BRANCHES = 100
MAX_SCHOOLS = 1000
_PARTIES_AND_PERIOD: Final = ("/brin", "/serviceCode", "/supplierOin", "/systemCode", "/startDate", "/endDate")
DEPENDS_ON: Final = {
    "no_agreement": ("/serviceCode",),
    "which_system": ("/serviceCode", "/supplierOin"),
    "service_not_offered": ("/serviceCode",),
    "other_supplier": ("/supplierOin",),
    "before_start": ("/startDate",),
    "overlap": _PARTIES_AND_PERIOD,
    "taken": _PARTIES_AND_PERIOD,
}
"""The fields, besides its own, that must be readable before a fault of this code can be found."""


class BranchRequest(RequestModel):
    """A branch and its routing characteristic; null assigns a free one."""

    branch: BranchField
    routing_id: RoutingIdField | None = None


class ReadableMandate(RequestModel):
    """What could be read of a request for a mandate."""

    brin: BrinField | None = None
    service_code: ServiceCodeField | None = None
    supplier_oin: OinField | None = None
    system_code: SystemCodeField | None = None
    start_date: Day | None = None
    end_date: Day | None = None
    branches: Annotated[tuple[BranchRequest | None, ...], NULL_IS_DEFAULT] = ()


class MandateRequest(FormChecked):
    """A request for a mandate."""

    model_config = example(
        brin="18DS",
        serviceCode="VVA",
        supplierOin="00000099000000001000",
        startDate="2026-11-23",
        endDate=None,
        branches=[{"branch": "18DS00", "routingId": "0000000700018DS00001"}],
    )

    readable_as = ReadableMandate
    lists_with_gaps = frozenset({"branches"})
    depends_on = DEPENDS_ON

    brin: BrinField
    service_code: ServiceCodeField
    system_code: SystemCodeField | None = None
    """The system; left out: the only one of the supplier that offers the service."""
    supplier_oin: OinField | None = None
    """The supplier; may be left out beside `systemCode`."""
    start_date: Day | None = None
    """Left out: today."""
    end_date: Day | None = None
    branches: Annotated[tuple[BranchRequest, ...], Field(max_length=MAX_BRANCHES), NULL_IS_DEFAULT] = ()

    @model_validator(mode="before")
    @classmethod
    def _name_what_is_left_out(cls, given: object) -> object:
        """Let the fault of a request without a system stand at its supplier."""
        is_unnamed = isinstance(given, dict) and not given.keys() & {"supplierOin", "systemCode"}
        return {**given, "supplierOin": None} if isinstance(given, dict) and is_unnamed else given

    @field_validator("supplier_oin", mode="before")
    @classmethod
    def _one_of_both(cls, given: object, info: ValidationInfo) -> object:
        if given is None and info.data.get("system_code", "") is None:
            raise PydanticCustomError("missing", "Field required, unless systemCode is there")
        return given

    def to_grant_request(self, today: date) -> GrantRequest:
        """Return the request in the hub's own terms."""
        return GrantRequest(
            brin=self.brin,
            service_code=self.service_code,
            supplier_oin=self.supplier_oin,
            system_code=self.system_code,
            start_date=self.start_date or today,
            end_date=self.end_date,
            branches=tuple((each.branch, each.routing_id) for each in self.branches),
        )

    def to_partial_grant(self, today: date) -> PartialGrant:
        """Return what could be read of a request that has faults, in the hub's own terms."""
        readable: ReadableMandate = self.readable
        is_dated = all(fault.field != "/startDate" for fault in self.faults)
        return PartialGrant(
            brin=readable.brin,
            service_code=readable.service_code,
            supplier_oin=readable.supplier_oin,
            system_code=readable.system_code,
            start_date=readable.start_date or (today if is_dated else None),
            end_date=readable.end_date,
            branches=tuple(None if each is None else (each.branch, each.routing_id) for each in readable.branches),
        )


def _refuse(why: LiteralString) -> BeforeValidator:
    def refuse(_given: object) -> NoReturn:
        raise PydanticCustomError("immutable", why)

    return BeforeValidator(refuse)


def _present(given: date | None) -> date | None:
    if given is None:
        raise PydanticCustomError("null", "a mandate has a start date")
    return given


Immutable = Annotated[
    None,
    _refuse("this never changes; withdraw the mandate and grant another"),
    WithJsonSchema({"not": {}, "description": "Never changes."}),
]


Derived = Annotated[
    None,
    _refuse("this follows from the rest; startDate and endDate can be changed here"),
    WithJsonSchema({"not": {}, "description": "Follows from the rest."}),
]


RoutedElsewhere = Annotated[
    None,
    _refuse("routing is changed by PUT and DELETE of the mandate's routing/{branch}"),
    WithJsonSchema({"not": {}, "description": "Changed at `routing/{branch}`."}),
]


class MandatePatch(FormChecked):
    """Other dates for a mandate; what is left out stays, a null end date takes the end away."""

    model_config = example(endDate="2027-07-31")

    depends_on = DEPENDS_ON

    start_date: Annotated[
        Day | None, AfterValidator(_present), WithJsonSchema({"type": "string", "format": "date"})
    ] = None
    """Only while it lies ahead."""
    end_date: Day | None = None
    id: Immutable = None
    brin: Immutable = None
    service_code: Immutable = None
    supplier_oin: Immutable = None
    system_code: Immutable = None
    branches: RoutedElsewhere = None
    version: Derived = None
    school_oin: Derived = None
    school_name: Derived = None
    bge_code: Derived = None
    system_name: Derived = None
    state: Derived = None
    copied_from: Immutable = None
    withdrawn_at: Derived = None
    created_at: Derived = None
    updated_at: Derived = None
    warnings: Derived = None

    def to_date_change(self) -> DateChange:
        """Return the dates in the hub's own terms."""
        given = self.model_fields_set
        return DateChange(
            start_date=self.start_date if "start_date" in given and self.start_date else UNCHANGED,
            end_date=self.end_date if "end_date" in given else UNCHANGED,
        )


class WithdrawalRequest(RequestModel):
    """Why a mandate is withdrawn."""

    model_config = example(reason="the school has another system")

    reason: Annotated[str, Field(max_length=MAX_REASON_LENGTH)] | None = None


class RoutingRequest(RequestModel):
    """The routing characteristic of a branch; null assigns a free one."""

    model_config = example(routingId="0000000700018DS00001")

    routing_id: RoutingIdField | None = None


class CopiesRequest(RequestModel):
    """The schools to copy a mandate to."""

    model_config = example(brins=["11OA"], dryRun=True)

    brins: Annotated[list[BrinField], Field(min_length=1, max_length=MAX_SCHOOLS), FewErrors()]
    dry_run: Annotated[StrictBool, NULL_IS_DEFAULT] = False
