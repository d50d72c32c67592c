"""What is wrong with a change that cannot be made yet, because a part of it could not be read.

In: what could be read of it. Out: the faults of that part, by the same rules as the change itself. Nothing is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.domain import rules
from hub.domain.system import System, choose
from hub.errors import FieldError
from hub.register.amend import find_violations
from hub.register.author import NO_AUTHOR
from hub.register.grant import check_request, to_mandate
from hub.register.service_mandates import load_service_of, open_service
from hub.store.decisions import LockRequest, lock_register

if TYPE_CHECKING:
    from uuid import UUID

    from hub.domain.rules import PartialGrant, RuleViolation
    from hub.register.amend import DateChange
    from hub.register.author import Author, VersionCheck
    from hub.register.write import Moment
    from hub.store.decisions import LockedRegister, LockedSchool
    from hub.store.pool import Connection


async def check_grant(c: Connection, request: PartialGrant, at: Moment, author: Author) -> list[FieldError]:
    """Return what is wrong with a request for a mandate, as far as it could be read."""
    brins = [] if request.brin is None else [request.brin]
    locked = await lock_register(c, LockRequest(at=at.now, today=at.today, brins=brins))
    place = next((each for each in locked.schools.values() if author.may_administer(each.school)), None)
    school = None if place is None else place.school
    violations = list(check_request(request, school, locked.references, at.today))
    if place is not None:
        violations += _check_in_school(request, locked, place, at)
    return [FieldError(field=each.field, code=each.code, detail=each.detail) for each in violations]


async def check_amendment(
    c: Connection, mandate_id: UUID, patch: DateChange, at: Moment, author: Author, expected: VersionCheck | None
) -> list[FieldError]:
    """Return what is wrong with new dates for a mandate.

    Raises `NotFound`, `PreconditionFailed` and `Conflict` `ended` as `amend` does.
    """
    service, mandate = await load_service_of(c, mandate_id, at, author, expected)
    violations = find_violations(service, mandate, patch, at.today)
    return [FieldError(field=each.field, code=each.code, detail=each.detail) for each in violations]


def _check_in_school(
    request: PartialGrant, locked: LockedRegister, place: LockedSchool, at: Moment
) -> list[RuleViolation]:
    complete = request.complete()
    if complete is None:
        return list(rules.check_branches(request.branches, place.school, {}, at.today))
    service = open_service(locked, place, complete.service_code, at, NO_AUTHOR)
    taken = service.taken_routing(complete)
    violations = list(rules.check_branches(request.branches, place.school, taken, at.today))
    system = choose(complete, service.references)
    if isinstance(system, System):
        violations += rules.check_overlap(to_mandate(complete, system, at.now), service.mandates, at.today)
    return violations
