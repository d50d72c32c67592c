"""One system follows another. In: a request for a mandate, and the mandate that then ends. Out: both changes, at once.

A dry run writes nothing; it shows every event that would follow, now and on the dates that come.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.domain import change
from hub.domain.change import WITHDRAWAL, ChangeCause
from hub.domain.kinds import Kind
from hub.domain.mandate import DAY, overlaps
from hub.errors import NotFound, PreconditionFailed
from hub.register.grant import add_mandate
from hub.register.service_mandates import load_service, load_service_of
from hub.store import register
from schemas.kinds import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date
    from uuid import UUID

    from hub.domain.change import NewEvent
    from hub.domain.mandate import Mandate
    from hub.domain.rules import GrantRequest
    from hub.domain.school import School
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
class DatedEvent:
    """An event and the day on which the hub records it."""

    day: date
    event: NewEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """The old mandate before and after, the new one, and the events that follow, by day."""

    before: Mandate | None
    ended: Mandate | None
    granted: Mandate
    events: Sequence[DatedEvent]


async def succeed(
    c: Connection, order: SuccessionRequest, at: Moment, may_administer: Callable[[School], bool]
) -> Succession:
    """End a mandate on the day before a new one begins, and grant the new one; the caller owns the transaction.

    A mandate that would end in the past, or before it begins, is withdrawn. Raises what `grant` raises, and what is
    wrong with the old mandate: `NotFound`, `Conflict` `ended`, or `PreconditionFailed` when it is not the one expected.
    """
    service, before = await _load(c, order, at, may_administer)
    known = len(service.new_events)
    if before is not None:
        end_before(service, before, order.request.start_date)
    used = {row.routing for row in await register.used_routing(c, order.request.brin, at.today)}
    granted = add_mandate(service, order.request, _taken(service, order.request), used)
    if not order.dry_run:
        await service.write(c)
    now = [DatedEvent(day=at.today, event=event) for event in service.new_events[known:]]
    ended = None if before is None else service.mandate(before.id)
    return Succession(before=before, ended=ended, granted=granted, events=[*now, *_foresee(service, granted, ended)])


def end_before(service: ServiceMandates, mandate: Mandate, start: date) -> Mandate:
    """End a mandate on the day before `start`, or at once where that day lies in the past or before its own start."""
    last = start - DAY
    if last < service.at.today or last < mandate.start_date:
        return service.settle(replace(mandate, withdrawn_at=service.at.now), WITHDRAWAL)
    return service.settle(replace(mandate, end_date=last), ENDED)


async def _load(
    c: Connection, order: SuccessionRequest, at: Moment, may_administer: Callable[[School], bool]
) -> tuple[ServiceMandates, Mandate | None]:
    request = order.request
    if order.predecessor is None:
        school = (await register.lock_schools(c, [request.brin])).get(request.brin)
        if school is None or not may_administer(school):
            msg = f"no school {request.brin}"
            raise NotFound(msg)
        return await load_service(c, school, request.service_code, at), None
    service, mandate = await load_service_of(c, order.predecessor, at, order.expected)
    is_same = (mandate.brin, mandate.service_code) == (request.brin, request.service_code)
    if not is_same or not may_administer(service.school):
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


def _foresee(service: ServiceMandates, granted: Mandate, ended: Mandate | None) -> Iterator[DatedEvent]:
    """Return the events of the dates to come, up to the end of the old mandate and the start of the new one."""
    until = granted.start_date
    if ended is not None and ended.withdrawn_at is None and ended.end_date is not None:
        until = max(until, ended.end_date + DAY)
    mandates = service.mandates
    while (day := min((each.next_date for each in mandates if each.next_date), default=None)) and day <= until:
        branches = service.school.open_branches(day)
        mandates, events = change.apply_dates(mandates, branches, now=service.at.now, today=day)
        yield from (DatedEvent(day=day, event=event) for event in events)
