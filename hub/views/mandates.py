"""The bodies of mandates. In: a mandate as the register holds it. Out: what the API answers."""

from datetime import date
from typing import Literal
from uuid import UUID

from hub.domain.change import covered_branches
from hub.domain.mandate import REST, Mandate, is_live, state
from hub.register import CopyResult
from hub.store.mandates import MandateView
from hub.views.models import CamelModel, Moment
from schemas.identifiers import school_oin
from schemas.kinds import MandateState


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
    system_code: str
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
    """The result of the copy to one school."""

    brin: str
    outcome: Literal["created", "would_create", "skipped"]
    mandate_id: UUID | None
    reason: Literal["other_system", "overlap", "no_agreement", "school_closed", "unknown_school"] | None
    current_system: str | None
    no_system_yet: bool
    """Whether it is the first system of this school for the service: check it before you copy."""


class CopiesBody(CamelModel):
    """The result of each copy, in the order of the request."""

    dry_run: bool
    results: list[CopyBody]


def show_mandate(view: MandateView, today: date) -> MandateBody:
    """Show a mandate as it is on a day."""
    mandate = view.mandate
    return MandateBody(
        brin=mandate.brin,
        service_code=mandate.service_code,
        supplier_oin=mandate.supplier_oin,
        system_code=mandate.system_code,
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
