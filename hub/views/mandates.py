"""The bodies of mandates: what is asked for, what is shown."""

from datetime import date
from typing import Annotated, Literal, LiteralString, NoReturn
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, WithJsonSchema
from pydantic_core import PydanticCustomError

from hub.api.partly import PartlyRead
from hub.domain.change import covered_branches
from hub.domain.mandate import REST, Mandate, is_live, state
from hub.domain.rules import GrantRequest
from hub.operations.controls import MAX_REASON_LENGTH
from hub.register import UNCHANGED, CopyResult, DateChange
from hub.store.mandates import MandateView
from hub.views.models import NULL_IS_DEFAULT, CamelModel, Day, Moment, RequestModel, example
from schemas.identifiers import (
    BranchField,
    BrinField,
    OinField,
    RoutingIdField,
    ServiceCodeField,
    school_oin,
)
from schemas.kinds import MandateState

MOST_BRANCHES = 100
MOST_SCHOOLS = 1000


class BranchRequest(RequestModel):
    """A branch that shall have a routing characteristic; null hands out a free one."""

    branch: BranchField
    routing_id: RoutingIdField | None = None


class MandateRequest(PartlyRead):
    """A mandate that is asked for."""

    model_config = example(
        brin="18DS",
        serviceCode="VVA",
        supplierOin="00000099000000001000",
        startDate="2026-11-23",
        endDate=None,
        branches=[{"branch": "18DS00", "routingId": "0000000700018DS00001"}],
    )

    stand_ins = {  # noqa: RUF012 - a ClassVar of the class above
        "brin": "99ZZ",
        "serviceCode": "UNREAD",
        "supplierOin": "00000000000000000000",
        "branches/": {"branch": "99ZZ99"},
    }

    brin: BrinField
    service_code: ServiceCodeField
    supplier_oin: OinField
    start_date: Day | None = None
    """Left out: today."""
    end_date: Day | None = None
    branches: Annotated[tuple[BranchRequest, ...], Field(max_length=MOST_BRANCHES), NULL_IS_DEFAULT] = ()

    def to_grant_request(self, today: date) -> GrantRequest:
        """Take it over into the hub's own terms."""
        return GrantRequest(
            brin=self.brin,
            service_code=self.service_code,
            supplier_oin=self.supplier_oin,
            start_date=self.start_date or today,
            end_date=self.end_date,
            branches=tuple((wish.branch, wish.routing_id) for wish in self.branches),
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
    WithJsonSchema({"not": {}, "description": "Immutable changes."}),
]
Derived = Annotated[
    None,
    _refuse("this follows from the rest; startDate and endDate can be changed here"),
    WithJsonSchema({"not": {}, "description": "Derived from the rest."}),
]
RoutedElsewhere = Annotated[
    None,
    _refuse("routing is changed by PUT and DELETE of the mandate's routing/{branch}"),
    WithJsonSchema({"not": {}, "description": "Changed at `routing/{branch}`."}),
]


class MandatePatch(PartlyRead):
    """Other dates for a mandate; what is left out stays, a null end date takes the end away."""

    model_config = example(endDate="2027-07-31")

    start_date: Annotated[
        Day | None, AfterValidator(_present), WithJsonSchema({"type": "string", "format": "date"})
    ] = None
    """Only while it lies ahead."""
    end_date: Day | None = None
    id: Immutable = None
    brin: Immutable = None
    service_code: Immutable = None
    supplier_oin: Immutable = None
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

    def to_patch(self) -> DateChange:
        """Take it over into the hub's own terms."""
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
    """The routing characteristic that a branch shall have; null hands out a free one."""

    model_config = example(routingId="0000000700018DS00001")

    routing_id: RoutingIdField | None = None


class CopiesRequest(RequestModel):
    """The schools that shall have the same mandate."""

    model_config = example(brins=["11OA"], dryRun=True)

    brins: Annotated[list[BrinField], Field(min_length=1, max_length=MOST_SCHOOLS)]
    dry_run: Annotated[StrictBool, NULL_IS_DEFAULT] = False


class BranchBody(CamelModel):
    """A branch that a mandate covers."""

    branch: str
    routing_id: str | None


class WarningBody(CamelModel):
    """Something that a school should do."""

    code: Literal["needs_routing"]
    branches: list[str]
    detail: str


class MandateBody(CamelModel):
    """A mandate as it is now."""

    brin: str
    service_code: str
    supplier_oin: str
    start_date: date
    end_date: date | None
    branches: list[BranchBody]
    """Every branch that it covers, or at its end covered; `routingId` is null in the rest."""
    id: UUID
    version: int
    school_oin: str
    school_name: str
    bge_code: str
    system_name: str
    state: MandateState
    copied_from: UUID | None
    withdrawn_at: Moment | None
    created_at: Moment
    updated_at: Moment
    warnings: list[WarningBody]


class RoutingBody(CamelModel):
    """The routing characteristic that a branch has now."""

    branch: str
    routing_id: str
    mandate_version: int


class ValidationBody(CamelModel):
    """Whether a supplier is mandated; the mandate is shown to that supplier only."""

    result: Literal["OK", "NOK"]
    mandate: MandateBody | None


class CopyBody(CamelModel):
    """What became of the copy to one school."""

    brin: str
    outcome: Literal["created", "would_create", "skipped"]
    mandate_id: UUID | None
    reason: Literal["other_system", "overlap", "no_agreement", "school_closed", "unknown_school"] | None
    current_system: str | None
    no_system_yet: bool
    """Whether it is the first system of this school for the service: look before you copy."""


class CopiesBody(CamelModel):
    """What became of each copy, in the order that was asked for."""

    dry_run: bool
    results: list[CopyBody]


def show_mandate(view: MandateView, today: date) -> MandateBody:
    """Show a mandate as it is on a day."""
    mandate = view.mandate
    return MandateBody(
        brin=mandate.brin,
        service_code=mandate.service_code,
        supplier_oin=mandate.supplier_oin,
        start_date=mandate.start_date,
        end_date=mandate.end_date,
        branches=[BranchBody(branch=b, routing_id=routing) for b, routing in covered_branches(mandate.units)],
        id=mandate.id,
        version=mandate.version,
        school_oin=school_oin(mandate.brin),
        school_name=view.school_name,
        bge_code=view.bge_code,
        system_name=view.system_name,
        state=state(mandate, today),
        copied_from=mandate.copied_from,
        withdrawn_at=mandate.withdrawn_at,
        created_at=mandate.created_at,
        updated_at=mandate.updated_at,
        warnings=_warnings(mandate, today),
    )


def show_copy(result: CopyResult, *, dry_run: bool) -> CopyBody:
    """Show what became of one copy."""
    made = result.reason is None
    return CopyBody(
        brin=result.brin,
        outcome="skipped" if not made else "would_create" if dry_run else "created",
        mandate_id=None if dry_run else result.mandate_id,
        reason=result.reason,
        current_system=result.current_system,
        no_system_yet=result.is_first,
    )


def _warnings(mandate: Mandate, today: date) -> list[WarningBody]:
    withheld = [unit for unit in mandate.units if unit.branch == REST and not unit.told]
    if not withheld or not is_live(mandate, today):
        return []
    detail = "several systems have a mandate for this service: give these branches a routing characteristic"
    return [WarningBody(code="needs_routing", branches=list(withheld[0].covers), detail=detail)]
