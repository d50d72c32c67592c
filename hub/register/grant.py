"""Grant a mandate. In: a request. Out: the mandate, its `granted` event, and what follows for others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hub.domain import rules
from hub.domain.change import GRANT, NewEvent, covered_branches
from hub.domain.coverage import begin_alone
from hub.domain.ids import new_id
from hub.domain.mandate import Mandate, next_date_in, state_before_end
from hub.domain.system import System, choose
from hub.register.author import NO_AUTHOR
from hub.register.routing import lowest_free
from hub.register.school_change import SchoolChange, make
from hub.register.service_mandates import open_service, refuse, to_lock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from hub.domain.coverage import CoverageUpdate
    from hub.domain.rules import GrantRequest, PartialGrant, RuleViolation
    from hub.domain.school import School
    from hub.domain.system import References
    from hub.register.author import Author
    from hub.register.school_change import DecidedChange
    from hub.register.service_mandates import ServiceMandates
    from hub.register.write import Moment
    from hub.store.decisions import LockedRegister
    from hub.store.mandates import MandateView
    from hub.store.pool import Connection
    from schemas.identifiers import Branch, Brin, RoutingId
    from schemas.kinds import MandateState


async def grant(c: Connection, request: GrantRequest, at: Moment, author: Author = NO_AUTHOR) -> MandateView:
    """Grant a mandate and return it; the caller owns the transaction."""
    return await make(c, prepare_grant(request, at, author))


def prepare_grant(request: GrantRequest, at: Moment, author: Author) -> SchoolChange:
    """Prepare a mandate.

    A school that the author may not administer is treated as unknown. Raises `InvalidInput` with everything that is
    wrong with the request, `Conflict` `overlap` or `taken`, or `TooManyChanges`.
    """

    def decide(locked: LockedRegister) -> DecidedChange:
        place = locked.schools.get(request.brin)
        if place is None or not author.may_administer(place.school):
            refuse(check_request(request, None, locked.references, at.today))
            raise AssertionError  # a school that is unknown was refused
        service = open_service(locked, place, request.service_code, at, author)
        mandate = add_mandate(service, request, service.taken_routing(request), service.used_routing)
        service.audit("mandate.granted", None, mandate)
        return service.view(mandate), service

    return SchoolChange(wanted=to_lock(at, author, brin=request.brin), decide=decide, traceparent=at.traceparent)


def add_mandate(
    service: ServiceMandates, request: GrantRequest, taken: Mapping[RoutingId, Branch], used: set[RoutingId]
) -> Mandate:
    """Add a mandate to those of its school and service, not written yet; raise everything that is wrong with it.

    `taken` are the routing characteristics of the service on its days, `used` all those of the school.
    """
    today = service.at.today
    system = choose(request, service.references)
    draft = to_mandate(request, system, service.at.now) if isinstance(system, System) else None
    refuse(
        (
            *check_request(request, service.school, service.references, today),
            *rules.check_branches(request.branches, service.school, taken, today),
            *(rules.check_overlap(draft, service.mandates, today) if draft else ()),
        )
    )
    assert draft is not None  # noqa: S101 - a system that is not found was refused
    routes = assign_routing_ids(request.brin, request.branches, used)
    mandate = service.settle(replace(draft, routes=routes), GRANT)
    service.routing.assigned += [(draft.id, branch, routing) for branch, routing in routes.items()]
    return mandate


def check_request(
    request: GrantRequest | PartialGrant, school: School | None, references: References, today: date
) -> Iterator[RuleViolation]:
    """Check the parties and the period of a request; `school` is None for one that is unknown to the caller."""
    yield from rules.check_parties(request, school, choose(request, references), references.services, today)
    yield from rules.check_dates(request.start_date, request.end_date, today, start_may_be_past=False)


def to_mandate(request: GrantRequest, system: System, now: datetime) -> Mandate:
    """Make the mandate of a request for a system, without routing."""
    return Mandate(
        id=new_id(now),
        brin=request.brin,
        service_code=request.service_code,
        supplier_oin=system.supplier_oin,
        system_code=system.code,
        start_date=request.start_date,
        end_date=request.end_date,
        created_at=now,
        updated_at=now,
        copied_from=request.copied_from,
    )


def grant_alone(
    request: GrantRequest,
    system: System,
    mandate_id: UUID,
    at: Moment,
    routes: Mapping[Branch, RoutingId],
    branches: tuple[Branch, ...],
) -> NewEvent:
    """Return the first event of a mandate that is the only one of its school and service, with the mandate after it.

    The same as `to_mandate` and `change.derive_events`, in one step; `branches` are the school's open ones in order.
    """
    update = begin_alone(tuple(routes.items()), branches)
    state = state_before_end(request.start_date, at.today)
    mandate = Mandate(
        id=mandate_id,
        brin=request.brin,
        service_code=request.service_code,
        supplier_oin=system.supplier_oin,
        system_code=system.code,
        start_date=request.start_date,
        end_date=request.end_date,
        created_at=at.now,
        updated_at=at.now,
        version=1,
        routes=routes,
        units=update.units,
        next_date=next_date_in(state, request.start_date, request.end_date),
        copied_from=request.copied_from,
    )
    return _granted(mandate, state, update)


def _granted(mandate: Mandate, state: MandateState, update: CoverageUpdate) -> NewEvent:
    return NewEvent(
        mandate=mandate,
        kind=GRANT.kind,
        changes=GRANT.changes,
        state=state,
        covered_branches=covered_branches(update.units),
        messages=update.messages,
    )


def assign_routing_ids(
    brin: Brin, branches: Sequence[tuple[Branch, RoutingId | None]], used: set[RoutingId]
) -> dict[Branch, RoutingId]:
    """Assign routing to branches: what was asked for, and free ones in order to the others; `used` grows by them.

    Raises `Conflict` `none_left` when a school has used up all of its routing characteristics.
    """
    used |= {routing for _, routing in branches if routing is not None}
    assigned: dict[Branch, RoutingId] = {}
    for branch, routing in branches:
        if branch not in assigned:
            assigned[branch] = routing or lowest_free(brin, used)
            used.add(assigned[branch])
    return assigned
