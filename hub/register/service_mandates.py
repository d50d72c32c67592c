"""The mandates of one (school, service), read under the school's lock, changed together and written back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hub.domain import change
from hub.domain.mandate import is_live, overlaps
from hub.errors import Conflict, FieldError, InvalidInput, NotFound, PreconditionFailed
from hub.register.write import Routing, WriteContext, write_events
from hub.store import register

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from uuid import UUID

    from hub.domain.change import ChangeCause, NewEvent
    from hub.domain.mandate import Mandate
    from hub.domain.rules import GrantRequest, RuleViolation
    from hub.domain.school import School
    from hub.domain.system import References
    from hub.register.write import Moment
    from hub.store.pool import Connection
    from schemas.identifiers import Branch, RoutingId


@dataclass(slots=True, kw_only=True)
class ServiceMandates:
    """One locked school and service; dates up to today are applied, their events are the first of `new_events`."""

    school: School
    mandates: list[Mandate]
    references: References
    at: Moment
    new_events: list[NewEvent] = field(default_factory=list)
    routing: Routing = field(default_factory=Routing)

    def mandate(self, mandate_id: UUID) -> Mandate | None:
        """Return a live mandate by its id."""
        return next((mandate for mandate in self.mandates if mandate.id == mandate_id), None)

    def settle(self, mandate: Mandate, cause: ChangeCause) -> Mandate:
        """Replace a mandate because of `cause`, derive the events, and return it as it is after them."""
        others = [other for other in self.mandates if other.id != mandate.id]
        events = change.derive_events(
            [*others, mandate],
            {mandate.id: cause},
            self.school.open_branches(self.at.today),
            now=self.at.now,
            today=self.at.today,
        )
        after = {event.mandate.id: event.mandate for event in events}
        self.mandates = [after.get(each.id, each) for each in (*others, mandate)]
        self.new_events += events
        return after[mandate.id]

    async def write(self, c: Connection) -> None:
        """Write the mandates and events."""
        context = WriteContext(schools={self.school.brin: self.school}, names=self.references.names, at=self.at)
        await write_events(c, context, self.new_events, self.routing)


async def load_service(c: Connection, school: School, service_code: str, at: Moment) -> ServiceMandates:
    """Read a locked school's mandates of a service and apply the dates up to today."""
    branches = school.open_branches(at.today)
    living = await register.living_mandates(c, [school.brin], at.today, service_code)
    mandates, new_events = change.apply_dates(living, branches, now=at.now, today=at.today)
    references = await register.references(c)
    return ServiceMandates(school=school, mandates=mandates, references=references, at=at, new_events=new_events)


async def load_service_of(
    c: Connection, mandate_id: UUID, at: Moment, expected: int | None
) -> tuple[ServiceMandates, Mandate]:
    """Lock the school of a mandate, load its service, and return it with the mandate after its dates.

    Raises `NotFound` for an unknown mandate, `PreconditionFailed` when its version is not `expected`, and `Conflict`
    `ended` for one that is over.
    """
    found = await register.find_mandate(c, mandate_id)
    if found is None:
        msg = f"no mandate {mandate_id}"
        raise NotFound(msg)
    schools = await register.lock_schools(c, [found.brin])
    service = await load_service(c, schools[found.brin], found.service_code, at)
    mandate = service.mandate(mandate_id)
    if expected is not None and expected != (mandate or found).version:
        msg = f"mandate {mandate_id} has version {(mandate or found).version} by now, not {expected}"
        raise PreconditionFailed(msg)
    if mandate is None or not is_live(mandate, at.today):
        code = "ended"
        raise Conflict(code, f"mandate {mandate_id} has been withdrawn or has run out")
    return service, mandate


async def taken_routing(
    c: Connection, mandate: Mandate | GrantRequest, today: date
) -> tuple[dict[RoutingId, Branch], set[RoutingId]]:
    """Read which routing characteristics of a school are taken for a service on a mandate's days, and which at all."""
    used = await register.used_routing(c, mandate.brin, today)
    sharing = (row for row in used if row.service_code == mandate.service_code and overlaps(row, mandate, today))
    return {row.routing: row.branch for row in sharing}, {row.routing for row in used}


def refuse(violations: Iterable[RuleViolation]) -> None:
    """Raise what is wrong, if anything: `Conflict` when the request only collides, else `InvalidInput` with all."""
    found = list(violations)
    if not found:
        return
    errors = [FieldError(field=each.field, code=each.code, detail=each.detail) for each in found]
    if all(violation.is_conflict for violation in found):
        raise Conflict(found[0].code, "; ".join(violation.detail for violation in found)).at(errors)
    raise InvalidInput(errors)
