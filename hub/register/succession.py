"""One system follows another. In: a request for a mandate, and the mandate that then ends. Out: both changes, at once.

A dry run writes nothing; it shows every event that would follow, now and on the dates that come.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.domain.change import WITHDRAWAL, ChangeCause
from hub.domain.kinds import Kind
from hub.domain.mandate import DAY, overlaps
from hub.errors import NotFound, PreconditionFailed
from hub.register.author import NO_AUTHOR, exactly
from hub.register.foreseen import events_now, events_until
from hub.register.grant import add_mandate
from hub.register.service_mandates import load_service_of, open_service, to_lock
from hub.store.decisions import lock_register
from schemas.kinds import Change

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID

    from hub.domain.mandate import Mandate
    from hub.domain.rules import GrantRequest
    from hub.register.author import Author
    from hub.register.foreseen import DatedEvent
    from hub.register.service_mandates import ServiceMandates
    from hub.register.write import Moment
    from hub.store.pool import Connection
    from schemas.identifiers import Branch, RoutingId

ENDED = ChangeCause(kind=Kind.AMENDED, changes=(Change.END_DATE,))


@dataclass(frozen=True, slots=True, kw_only=True)
class SuccessionRequest:
    """A requested mandate, and the mandate that ends before it begins, in the version that was read.

    Without `predecessor` the new mandate stands beside what is there.
    """

    request: GrantRequest
    predecessor: UUID | None
    expected: int | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """The old mandate before and after, the new one, and the events that follow, by day."""

    before: Mandate | None
    ended: Mandate | None
    granted: Mandate
    events: Sequence[DatedEvent]


async def succeed(c: Connection, order: SuccessionRequest, at: Moment, author: Author = NO_AUTHOR) -> Succession:
    """End a mandate on the day before a new one begins, and grant the new one; the caller owns the transaction.

    A mandate that would end in the past, or before it begins, is withdrawn. Raises what `grant` raises, and what is
    wrong with the old mandate: `NotFound`, `Conflict` `ended`, or `PreconditionFailed` when it is not the one expected.
    """
    if order.dry_run:
        author = replace(author, subject=None)
    service, before = await _load(c, order, at, author)
    known = len(service.new_events)
    if before is not None:
        end_before(service, before, order.request.start_date)
    granted = add_mandate(service, order.request, _taken(service, order.request), service.used_routing)
    ended = None if before is None else service.mandate(before.id)
    if not order.dry_run:
        if before is not None and ended is not None:
            service.audit("mandate.withdrawn" if ended.withdrawn_at else "mandate.amended", before, ended)
        service.audit("mandate.granted", None, granted)
        await service.write(c)
    events = [*events_now(service, known), *events_until(service, _last_day(granted, ended))]
    return Succession(before=before, ended=ended, granted=granted, events=events)


def end_before(service: ServiceMandates, mandate: Mandate, start: date) -> Mandate:
    """End a mandate on the day before `start`, or at once where that day lies in the past or before its own start."""
    last = start - DAY
    if last < service.at.today or last < mandate.start_date:
        return service.settle(replace(mandate, withdrawn_at=service.at.now), WITHDRAWAL)
    return service.settle(replace(mandate, end_date=last), ENDED)


async def _load(
    c: Connection, order: SuccessionRequest, at: Moment, author: Author
) -> tuple[ServiceMandates, Mandate | None]:
    request = order.request
    if order.predecessor is None:
        locked = await lock_register(c, to_lock(at, author, brin=request.brin))
        place = locked.schools.get(request.brin)
        if place is None or not author.may_administer(place.school):
            msg = f"no school {request.brin}"
            raise NotFound(msg)
        return open_service(locked, place, request.service_code, at, author), None
    expected = None if order.expected is None else exactly(order.expected)
    service, mandate = await load_service_of(c, order.predecessor, at, author, expected)
    if (mandate.brin, mandate.service_code) != (request.brin, request.service_code):
        msg = f"no mandate {mandate.id}"
        raise NotFound(msg)
    if mandate.system_code == request.system_code or not overlaps(mandate, request, at.today):
        msg = f"mandate {mandate.id} has nothing to end for {request.system_code}"
        raise PreconditionFailed(msg)
    return service, mandate


def _taken(service: ServiceMandates, request: GrantRequest) -> dict[RoutingId, Branch]:
    living = (each for each in service.mandates if each.withdrawn_at is None)
    sharing = (each for each in living if overlaps(each, request, service.at.today))
    return {routing: branch for each in sharing for branch, routing in each.routes.items()}


def _last_day(granted: Mandate, ended: Mandate | None) -> date:
    """Return the day of the last event: the start of the new mandate, or the day after the end of the old one."""
    if ended is None or ended.withdrawn_at is not None or ended.end_date is None:
        return granted.start_date
    return max(granted.start_date, ended.end_date + DAY)
