"""What a change that is not made yet would lead to. In: a change, tried on the register. Out: events by day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.domain import change
from hub.domain.change import WITHDRAWAL, ChangeCause
from hub.domain.kinds import Kind
from hub.register.amend import changed_dates, with_dates
from hub.register.author import NO_AUTHOR
from hub.register.routing import REROUTED, lowest_free
from hub.register.service_mandates import load_service_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date
    from uuid import UUID

    from hub.domain.change import NewEvent
    from hub.register.amend import DateChange
    from hub.register.service_mandates import ServiceMandates
    from hub.register.write import Moment
    from hub.store.pool import Connection
    from schemas.identifiers import Branch, RoutingId


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedEvent:
    """An event and the day on which the hub records it."""

    day: date
    event: NewEvent


def events_now(service: ServiceMandates, known: int) -> list[DatedEvent]:
    """Return the events of a change, which are those after the first `known` ones."""
    return [DatedEvent(day=service.at.today, event=event) for event in service.new_events[known:]]


def events_until(service: ServiceMandates, until: date) -> Iterator[DatedEvent]:
    """Return the events of the dates to come, up to a day."""
    mandates = service.mandates
    while (day := min((each.next_date for each in mandates if each.next_date), default=None)) and day <= until:
        branches = service.school.open_branches(day)
        mandates, events = change.apply_dates(mandates, branches, now=service.at.now, today=day)
        yield from (DatedEvent(day=day, event=event) for event in events)


async def foresee_withdrawal(c: Connection, mandate_id: UUID, at: Moment) -> list[DatedEvent]:
    """Return the events that a withdrawal would make; raise `Conflict` `ended` for a mandate that is over."""
    service, mandate = await load_service_of(c, mandate_id, at, NO_AUTHOR, None)
    known = len(service.new_events)
    service.settle(replace(mandate, withdrawn_at=at.now), WITHDRAWAL)
    return events_now(service, known)


async def foresee_amendment(c: Connection, mandate_id: UUID, patch: DateChange, at: Moment) -> list[DatedEvent]:
    """Return the events that new dates would make; raise `Conflict` `ended` for a mandate that is over."""
    service, mandate = await load_service_of(c, mandate_id, at, NO_AUTHOR, None)
    known = len(service.new_events)
    after = with_dates(mandate, patch)
    if changes := changed_dates(mandate, after):
        service.settle(after, ChangeCause(kind=Kind.AMENDED, changes=changes))
    return events_now(service, known)


async def foresee_routing(
    c: Connection, mandate_id: UUID, branch: Branch, routing: RoutingId | None, at: Moment
) -> list[DatedEvent]:
    """Return the events of another routing characteristic for a branch, or of none; raise `Conflict` `ended`."""
    service, mandate = await load_service_of(c, mandate_id, at, NO_AUTHOR, None)
    known = len(service.new_events)
    routes = {each: given for each, given in mandate.routes.items() if each != branch}
    if routing is not None:
        routes[branch] = routing
    service.settle(replace(mandate, routes=routes), REROUTED)
    return events_now(service, known)


async def foresee_division(c: Connection, choices: Mapping[Branch, UUID], at: Moment) -> list[DatedEvent]:
    """Return the events of a free routing characteristic for each branch, in a mandate of one school and service.

    Raises `Conflict` `ended` for a mandate that is over, or `none_left`.
    """
    service, _ = await load_service_of(c, next(iter(choices.values())), at, NO_AUTHOR, None)
    known = len(service.new_events)
    used = service.used_routing
    for branch, mandate_id in sorted(choices.items()):
        mandate = service.mandate(mandate_id)
        if mandate is not None:
            routing = lowest_free(service.school.brin, used)
            used.add(routing)
            service.settle(replace(mandate, routes={**mandate.routes, branch: routing}), REROUTED)
    return events_now(service, known)
