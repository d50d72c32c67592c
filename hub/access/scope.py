"""Whose mandates a caller may read and write. In: a caller. Out: `MandateScope` for statements on the register."""

from hub.access import Caller, Role
from hub.domain.school import School
from hub.store import mandates
from hub.store.mandates import MandateScope
from hub.store.pool import Connection


def mandate_scope(caller: Caller) -> MandateScope:
    """Say whose mandates a caller may read: DUO and operations all, a school its own, a system its supplier's."""
    if caller.has(Role.DUO, Role.OPERATIONS):
        return MandateScope(everything=True)
    is_school, is_las = caller.has(Role.SCHOOL), caller.has(Role.LAS)
    return MandateScope(
        brins=caller.brins if is_school else (),
        bges=caller.bges if is_school else (),
        oins=caller.oins if is_las else (),
    )


def school_scope(caller: Caller) -> MandateScope:
    """Say which schools a caller may look up: a school or board its own, everybody else all."""
    if caller.has(Role.DUO, Role.OPERATIONS, Role.LAS):
        return MandateScope(everything=True)
    return mandate_scope(caller)


async def mandate_scope_by_school(c: Connection, caller: Caller) -> MandateScope:
    """Say the same as `mandate_scope`, with boards written out as their schools."""
    scope = mandate_scope(caller)
    own = await mandates.brins_of_boards(c, scope.bges)
    return MandateScope(everything=scope.everything, brins={*scope.brins, *own}, oins=scope.oins)


def administers(caller: Caller, school: School) -> bool:
    """Say whether a caller may give mandates for a school."""
    return caller.has(Role.SCHOOL) and (school.brin in caller.brins or school.bge_code in caller.bges)
