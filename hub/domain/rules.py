"""Rules of requests for a mandate, a new date or a routing characteristic.

In: the request, and what the register holds. Out: all violations at once. Next: `hub.register`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.domain.mandate import overlaps
from schemas.identifiers import HIGHEST_INDEX, ROUTING_ID, brin_of_routing_id, routing_id
from schemas.moments import FIRST_DAY, LAST_DAY

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
    from datetime import date
    from uuid import UUID

    from hub.domain.mandate import Mandate
    from hub.domain.school import School
    from hub.domain.system import System
    from schemas.identifiers import Branch, Brin, Oin, RoutingId, ServiceCode, SystemCode


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRequest:
    """A requested mandate; a named branch without a routing characteristic gets a free one."""

    brin: Brin
    service_code: ServiceCode
    supplier_oin: Oin | None
    start_date: date
    end_date: date | None = None
    branches: Sequence[tuple[Branch, RoutingId | None]] = ()
    copied_from: UUID | None = None
    system_code: SystemCode | None = None
    """None for the only system of the supplier that offers the service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialGrant:
    """A request for a mandate as far as it could be read; None where a field, or a branch, could not."""

    brin: Brin | None
    service_code: ServiceCode | None
    supplier_oin: Oin | None
    start_date: date | None
    end_date: date | None
    branches: Sequence[tuple[Branch, RoutingId | None] | None]
    system_code: SystemCode | None = None

    def complete(self) -> GrantRequest | None:
        """Return the request without its unreadable branches; None when one of the other fields is missing."""
        if self.brin is None or self.service_code is None or self.start_date is None:
            return None
        return GrantRequest(
            brin=self.brin,
            service_code=self.service_code,
            supplier_oin=self.supplier_oin,
            start_date=self.start_date,
            end_date=self.end_date,
            branches=tuple(each for each in self.branches if each is not None),
            system_code=self.system_code,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleViolation:
    """One thing that is wrong: where, as a JSON pointer, a code for programs, and words for people."""

    field: str
    code: str
    detail: str

    @property
    def is_conflict(self) -> bool:
        """Whether the request is well-formed but collides with what the register holds."""
        return self.code in ("overlap", "taken")


def check_parties(
    request: GrantRequest | PartialGrant,
    school: School | None,
    system: System | RuleViolation | None,
    services: Container[str],
    today: date,
) -> Iterator[RuleViolation]:
    """Check who and what a mandate is for, as far as it is known.

    `school` is None where the register has no such school, `system` what `hub.domain.system.choose` found.
    """
    yield from _check_school(request, school, today)
    if request.service_code is not None and request.service_code not in services:
        detail = f"service {request.service_code} is not in the register"
        yield RuleViolation(field="/serviceCode", code="unknown_service", detail=detail)
    if isinstance(system, RuleViolation):
        yield system


def _check_school(request: GrantRequest | PartialGrant, school: School | None, today: date) -> Iterator[RuleViolation]:
    if request.brin is None:
        return
    if school is None:
        yield RuleViolation(
            field="/brin", code="unknown_school", detail=f"school {request.brin} is not in the register"
        )
    elif not school.is_open(today):
        yield RuleViolation(
            field="/brin", code="school_closed", detail=f"school {request.brin} closed on {school.closed_on}"
        )
    elif request.service_code is not None and not school.has_agreement(request.service_code):
        detail = f"board {school.bge_code} has not signed the agreement for {request.service_code}"
        yield RuleViolation(field="/brin", code="no_agreement", detail=detail)


def check_dates(
    start: date | None, end: date | None, today: date, *, start_may_be_past: bool
) -> Iterator[RuleViolation]:
    """Check the period of a mandate; the end date is its last day, an unreadable start date is None."""
    if start is not None and start < today and not start_may_be_past:
        yield RuleViolation(field="/startDate", code="in_the_past", detail=f"{start} lies before today, {today}")
    if start is not None and start > LAST_DAY:
        yield RuleViolation(field="/startDate", code="too_late", detail=f"{start} lies after {LAST_DAY}")
    if start is not None and start < FIRST_DAY:
        yield RuleViolation(field="/startDate", code="too_early", detail=f"{start} lies before {FIRST_DAY}")
    if end is None:
        return
    if start is not None and end < start:
        yield RuleViolation(field="/endDate", code="before_start", detail=f"{end} lies before the start date, {start}")
    elif end < today:
        yield RuleViolation(field="/endDate", code="in_the_past", detail=f"{end} lies before today, {today}")
    elif end > LAST_DAY:
        yield RuleViolation(field="/endDate", code="too_late", detail=f"{end} lies after {LAST_DAY}; leave it out")


def check_branch(branch: Branch, school: School, today: date, field: str) -> Iterator[RuleViolation]:
    """Check that a branch is an open one of the school."""
    found = next((found for found in school.branches if found.branch == branch), None)
    if found is None:
        yield RuleViolation(
            field=field, code="unknown_branch", detail=f"{branch} is not a branch of school {school.brin}"
        )
    elif not found.is_open(today):
        yield RuleViolation(field=field, code="branch_closed", detail=f"branch {branch} closed on {found.closed_on}")


def check_routing(
    routing: RoutingId, brin: Brin, taken: Mapping[RoutingId, Branch], field: str
) -> Iterator[RuleViolation]:
    """Check a routing characteristic; `taken` are those of the school's living mandates of the service."""
    if ROUTING_ID.pattern.fullmatch(routing) is None:
        yield RuleViolation(
            field=field, code="invalid", detail=f"{routing!r} is not a routing id; one looks like {routing_id(brin, 1)}"
        )
    elif brin_of_routing_id(routing) != brin:
        yield RuleViolation(field=field, code="other_school", detail=f"{routing} does not belong to school {brin}")
    elif routing in taken:
        yield RuleViolation(field=field, code="taken", detail=f"{routing} is in use for branch {taken[routing]}")


def check_branches(
    branches: Sequence[tuple[Branch, RoutingId | None] | None],
    school: School,
    taken: Mapping[RoutingId, Branch],
    today: date,
) -> Iterator[RuleViolation]:
    """Check branches and their routing characteristics against the school and each other; None could not be read."""
    seen: set[Branch] = set()
    used = dict(taken)
    for index, each in enumerate(branches):
        if each is None:
            continue
        branch, routing = each
        at = f"/branches/{index}"
        yield from check_branch(branch, school, today, f"{at}/branch")
        if branch in seen:
            yield RuleViolation(field=f"{at}/branch", code="duplicate", detail=f"branch {branch} is named twice")
        seen.add(branch)
        if routing is not None:
            yield from check_routing(routing, school.brin, used, f"{at}/routingId")
            used.setdefault(routing, branch)


def check_overlap(mandate: Mandate, others: Iterable[Mandate], today: date) -> Iterator[RuleViolation]:
    """Check that no other mandate of the same school, service and system shares a day with it."""
    for other in others:
        if other.id != mandate.id and other.system_code == mandate.system_code and overlaps(mandate, other, today):
            detail = f"mandate {other.id} runs from {other.start_date} until {other.end_date or 'further notice'}"
            yield RuleViolation(field="/startDate", code="overlap", detail=detail)


def check_routes(mandate: Mandate, others: Iterable[Mandate], today: date) -> Iterator[RuleViolation]:
    """Check that no other mandate of the school and service uses its routing characteristics on one of its days."""
    own = set(mandate.routes.values())
    for other in others:
        if other.id != mandate.id and overlaps(mandate, other, today):
            for branch, routing in other.routes.items():
                if routing in own:
                    detail = f"{routing} is in use for branch {branch}, in mandate {other.id}"
                    yield RuleViolation(field="/endDate", code="taken", detail=detail)


def free_routing(brin: Brin, used: Container[RoutingId]) -> RoutingId | None:
    """Find the school's lowest routing characteristic that is not in use; None when all are."""
    candidates = (routing_id(brin, index) for index in range(1, HIGHEST_INDEX + 1))
    return next((routing for routing in candidates if routing not in used), None)
