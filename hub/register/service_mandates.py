"""The mandates of one (school, service), read under the school's lock, changed together and written back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hub.domain import change
from hub.domain.mandate import is_live, overlaps
from hub.errors import Conflict, FieldError, InvalidInput, NotFound
from hub.register.audit import mandate_changes, mandate_identity
from hub.register.author import check_pace
from hub.register.write import Routing, WriteContext, to_sealed_rows, write_events
from hub.store.audit import AuditEntry
from hub.store.decisions import LockRequest, lock_register
from hub.store.mandates import MandateView
from hub.store.people import Pseudonym

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from hub.domain.change import ChangeCause, NewEvent
    from hub.domain.mandate import Mandate, Period
    from hub.domain.rules import RuleViolation
    from hub.domain.school import School
    from hub.domain.system import References
    from hub.register.author import Author, VersionCheck
    from hub.register.write import Moment
    from hub.store.decisions import LockedRegister, LockedSchool
    from hub.store.pool import Connection
    from hub.store.register import RegisterRows
    from schemas.identifiers import Branch, Brin, RoutingId


@dataclass(slots=True, kw_only=True)
class ServiceMandates:
    """One locked school and service; dates up to today are applied, their events are the first of `new_events`."""

    locked: LockedRegister
    place: LockedSchool
    service_code: str
    mandates: list[Mandate]
    at: Moment
    author: Author
    new_events: list[NewEvent] = field(default_factory=list)
    routing: Routing = field(default_factory=Routing)
    entries: list[AuditEntry] = field(default_factory=list)

    @property
    def school(self) -> School:
        """The school, as it is since it is locked."""
        return self.place.school

    @property
    def references(self) -> References:
        """All systems and services."""
        return self.locked.references

    @property
    def used_routing(self) -> set[RoutingId]:
        """The routing characteristics that living mandates of the school use, over all services."""
        living = (each for each in self.place.mandates if is_live(each, self.at.today))
        return {routing for each in living for routing in each.routes.values()}

    def taken_routing(self, period: Period) -> dict[RoutingId, Branch]:
        """Return which routing characteristics are taken for the service on the days of a period."""
        own = (each for each in self.place.mandates if each.service_code == self.service_code)
        living = (each for each in own if is_live(each, self.at.today) and overlaps(each, period, self.at.today))
        return {routing: branch for each in living for branch, routing in each.routes.items()}

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

    def audit(self, action: str, before: Mandate | None, after: Mandate, **more: str) -> None:
        """Add the audit entry of a change; `more` is the branch concerned."""
        if self.author.subject is not None:
            entry = AuditEntry(
                at=self.at.now,
                actor=Pseudonym(self.locked.author),
                action=action,
                brin=after.brin,
                subject=mandate_identity(after) | more,
                reason=self.author.reason,
                **mandate_changes(before, after),
            )
            self.entries.append(entry)

    async def write(self, c: Connection) -> None:
        """Write the mandates, events and audit entries; raise `TooManyChanges` when the school changes too often."""
        await write_events(c, self._context(), self.new_events, self.routing, self.entries)

    def rows(self) -> RegisterRows:
        """Return what `write` would write, where the audit chain is locked; raise `TooManyChanges` as it does."""
        return to_sealed_rows(self._context(), self.new_events, self.routing, self.entries)

    def _context(self) -> WriteContext:
        check_pace(self.place, self.author.changes_per_hour, self.at.now)
        return WriteContext(
            schools={self.school.brin: self.school},
            names=self.references.names,
            at=self.at,
            heads=self.locked.heads,
        )

    def view(self, mandate: Mandate) -> MandateView:
        """Return a mandate of this school as it is shown."""
        return MandateView(
            mandate=mandate,
            school_name=self.school.name,
            bge_code=self.school.bge_code,
            system_name=self.references.names[mandate.system_code],
        )


def to_lock(at: Moment, author: Author, *, brin: Brin | None = None, mandate_id: UUID | None = None) -> LockRequest:
    """Return what a change of a school, or of the school of a mandate, locks."""
    return LockRequest(
        at=at.now,
        today=at.today,
        brins=[] if brin is None else [brin],
        mandate_id=mandate_id,
        subject=author.subject,
        most_events=author.changes_per_hour,
    )


def open_service(
    locked: LockedRegister, place: LockedSchool, service_code: str, at: Moment, author: Author
) -> ServiceMandates:
    """Take a locked school's mandates of a service, and apply the dates up to today."""
    living = [each for each in place.mandates if each.service_code == service_code]
    branches = place.school.open_branches(at.today)
    mandates, new_events = change.apply_dates(living, branches, now=at.now, today=at.today)
    return ServiceMandates(
        locked=locked,
        place=place,
        service_code=service_code,
        mandates=mandates,
        at=at,
        author=author,
        new_events=new_events,
    )


async def load_service_of(
    c: Connection, mandate_id: UUID, at: Moment, author: Author, expected: VersionCheck | None
) -> tuple[ServiceMandates, Mandate]:
    """Lock the school of a mandate and return what `find_service` finds."""
    wanted = to_lock(at, author, mandate_id=mandate_id)
    return find_service(await lock_register(c, wanted), wanted, at, author, expected)


def find_service(
    locked: LockedRegister, wanted: LockRequest, at: Moment, author: Author, expected: VersionCheck | None
) -> tuple[ServiceMandates, Mandate]:
    """Take the service of the mandate that was locked, and return it with the mandate after its dates.

    Raises `NotFound` for a mandate that is unknown or not the author's to change, what `expected` raises for another
    version, and `Conflict` `ended` for one that is over.
    """
    found = locked.target
    if found is None or not author.may_administer(locked.schools[found.brin].school):
        msg = f"no mandate {wanted.mandate_id}"
        raise NotFound(msg)
    service = open_service(locked, locked.schools[found.brin], found.service_code, at, author)
    mandate = service.mandate(found.id)
    if expected is not None:
        expected((mandate or found).version)
    if mandate is None or not is_live(mandate, at.today):
        code = "ended"
        raise Conflict(code, f"mandate {found.id} has been withdrawn or has run out")
    return service, mandate


def refuse(violations: Iterable[RuleViolation]) -> None:
    """Raise what is wrong, if anything: `Conflict` when the request only collides, else `InvalidInput` with all."""
    found = list(violations)
    if not found:
        return
    errors = [FieldError(field=each.field, code=each.code, detail=each.detail) for each in found]
    if all(violation.is_conflict for violation in found):
        raise Conflict(found[0].code, "; ".join(violation.detail for violation in found)).at(errors)
    raise InvalidInput(errors)
