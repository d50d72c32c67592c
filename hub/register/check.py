"""What is wrong with a change that cannot be made yet, because a part of it could not be read.

In: what could be read of it. Out: the faults of that part, by the same rules as the change itself. Nothing is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.domain import rules
from hub.domain.system import System, choose
from hub.errors import FieldError
from hub.register.amend import find_violations
from hub.register.grant import check_request, to_mandate
from hub.register.service_mandates import load_service, load_service_of, taken_routing
from hub.store import register

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from hub.domain.rules import PartialGrant, RuleViolation
    from hub.domain.school import School
    from hub.register.amend import DateChange
    from hub.register.write import Moment
    from hub.store.pool import Connection


async def check_grant(
    c: Connection, request: PartialGrant, at: Moment, may_administer: Callable[[School], bool]
) -> list[FieldError]:
    """Return what is wrong with a request for a mandate, as far as it could be read."""
    school = None if request.brin is None else (await register.lock_schools(c, [request.brin])).get(request.brin)
    if school is not None and not may_administer(school):
        school = None
    violations = list(check_request(request, school, await register.references(c), at.today))
    if school is not None:
        violations += await _check_in_school(c, request, school, at)
    return [FieldError(field=each.field, code=each.code, detail=each.detail) for each in violations]


async def check_amendment(
    c: Connection, mandate_id: UUID, patch: DateChange, at: Moment, expected: int | None
) -> list[FieldError]:
    """Return what is wrong with new dates for a mandate.

    Raises `NotFound`, `PreconditionFailed` and `Conflict` `ended` as `amend` does.
    """
    service, mandate = await load_service_of(c, mandate_id, at, expected)
    violations = find_violations(service, mandate, patch, at.today)
    return [FieldError(field=each.field, code=each.code, detail=each.detail) for each in violations]


async def _check_in_school(c: Connection, request: PartialGrant, school: School, at: Moment) -> list[RuleViolation]:
    complete = request.complete()
    if complete is None:
        return list(rules.check_branches(request.branches, school, {}, at.today))
    taken, _ = await taken_routing(c, complete, at.today)
    service = await load_service(c, school, complete.service_code, at)
    violations = list(rules.check_branches(request.branches, school, taken, at.today))
    system = choose(complete, service.references)
    if isinstance(system, System):
        violations += rules.check_overlap(to_mandate(complete, system, at.now), service.mandates, at.today)
    return violations
