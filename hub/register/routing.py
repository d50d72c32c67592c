"""Assign and remove routing characteristics. In: a mandate and a branch. Out: its `amended` event."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hub.domain import rules
from hub.domain.change import ChangeCause
from hub.domain.kinds import Kind
from hub.errors import Conflict, NotFound
from hub.register.author import NO_AUTHOR
from hub.register.school_change import SchoolChange, make
from hub.register.service_mandates import find_service, refuse, to_lock
from hub.store import register
from schemas.kinds import Change

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import date
    from uuid import UUID

    from hub.domain.mandate import Mandate
    from hub.domain.rules import RuleViolation
    from hub.register.author import Author, VersionCheck
    from hub.register.school_change import DecidedChange
    from hub.register.service_mandates import ServiceMandates
    from hub.register.write import Moment
    from hub.store.decisions import LockedRegister
    from hub.store.mandates import MandateView
    from hub.store.pool import Connection
    from schemas.identifiers import Branch, Brin, RoutingId

REROUTED = ChangeCause(kind=Kind.AMENDED, changes=(Change.ROUTING,))


async def assign_routing(  # noqa: PLR0913, PLR0917 - what is routed, who decides, and on what it is based
    c: Connection,
    mandate_id: UUID,
    branch: Branch,
    routing: RoutingId | None,
    at: Moment,
    author: Author = NO_AUTHOR,
    expected: VersionCheck | None = None,
) -> MandateView:
    """Assign a routing characteristic to a branch and return the mandate; the caller owns the transaction."""
    return await make(c, prepare_routing(mandate_id, branch, routing, at, author, expected))


def prepare_routing(
    mandate_id: UUID,
    branch: Branch,
    routing: RoutingId | None,
    at: Moment,
    author: Author,
    expected: VersionCheck | None,
) -> SchoolChange:
    """Prepare a routing characteristic of a branch, a free one when None is given.

    The one that it already has changes nothing. Raises `NotFound` for a branch that the school does not have,
    `InvalidInput`, `Conflict` `taken` or `ended`, or `TooManyChanges`.
    """
    wanted = to_lock(at, author, mandate_id=mandate_id)

    def decide(locked: LockedRegister) -> DecidedChange:
        service, mandate = find_service(locked, wanted, at, author, expected)
        current = mandate.routes.get(branch)
        refuse(_check_routing(service, mandate, branch, routing))
        if current is not None and routing in (None, current):
            return service.view(mandate), None
        assigned = routing or lowest_free(service.school.brin, service.used_routing)
        after = service.settle(replace(mandate, routes={**mandate.routes, branch: assigned}), REROUTED)
        service.routing.assigned.append((mandate_id, branch, assigned))
        service.audit("routing.assigned", mandate, after, branch=branch)
        return service.view(after), service

    return SchoolChange(wanted=wanted, decide=decide, traceparent=at.traceparent)


def _check_routing(
    service: ServiceMandates, mandate: Mandate, branch: Branch, routing: RoutingId | None
) -> Iterator[RuleViolation]:
    """Check a routing characteristic of a branch; the one that it already has is right."""
    if not any(each.branch == branch for each in service.school.branches):
        msg = f"school {service.school.brin} has no branch {branch}"
        raise NotFound(msg)
    current = mandate.routes.get(branch)
    if current is not None and routing in (None, current):
        return
    taken = service.taken_routing(mandate)
    if current is not None:
        taken.pop(current, None)
    yield from rules.check_branch(branch, service.school, service.at.today, "/branch")
    if routing is not None:
        yield from rules.check_routing(routing, service.school.brin, taken, "/routingId")


async def remove_routing(
    c: Connection,
    mandate_id: UUID,
    branch: Branch,
    at: Moment,
    author: Author = NO_AUTHOR,
    expected: VersionCheck | None = None,
) -> MandateView:
    """Return a branch to the rest; the caller owns the transaction."""
    return await make(c, prepare_routing_removal(mandate_id, branch, at, author, expected))


def prepare_routing_removal(
    mandate_id: UUID, branch: Branch, at: Moment, author: Author, expected: VersionCheck | None
) -> SchoolChange:
    """Prepare the return of a branch to the rest; raises `NotFound` when it has no routing characteristic."""
    wanted = to_lock(at, author, mandate_id=mandate_id)

    def decide(locked: LockedRegister) -> DecidedChange:
        service, mandate = find_service(locked, wanted, at, author, expected)
        if branch not in mandate.routes:
            msg = f"branch {branch} has no routing characteristic in mandate {mandate_id}"
            raise NotFound(msg)
        routes = {each: routing for each, routing in mandate.routes.items() if each != branch}
        after = service.settle(replace(mandate, routes=routes), REROUTED)
        service.routing.removed.append((mandate_id, branch))
        service.audit("routing.removed", mandate, after, branch=branch)
        return service.view(after), service

    return SchoolChange(wanted=wanted, decide=decide, traceparent=at.traceparent)


async def available_routing(c: Connection, brin: Brin, today: date) -> RoutingId:
    """Find the lowest routing characteristic of a school that no living mandate uses; nothing is reserved."""
    return lowest_free(brin, {row.routing for row in await register.used_routing(c, brin, today)})


def lowest_free(brin: Brin, used: Collection[RoutingId]) -> RoutingId:
    """Return the lowest free routing characteristic; raise `Conflict` `none_left`."""
    found = rules.free_routing(brin, used)
    if found is None:
        code = "none_left"
        raise Conflict(code, f"school {brin} has no routing characteristic left")
    return found
