"""Whose mandates a caller may read and write. In: who asks. Out: `Sight` for the statements that read the register."""

from hub.domain.school import School
from hub.store import mandates
from hub.store.mandates import Sight
from hub.store.pool import Connection
from hub.tokens import Caller, Role


def sight_of(caller: Caller) -> Sight:
    """Say whose mandates a caller may read: DUO and operations all, a school its own, a system its supplier's."""
    if caller.has(Role.DUO, Role.OPERATIONS):
        return Sight(everything=True)
    is_school, is_las = caller.has(Role.SCHOOL), caller.has(Role.LAS)
    return Sight(
        brins=caller.brins if is_school else (),
        bges=caller.bges if is_school else (),
        oins=caller.oins if is_las else (),
    )


def sight_of_schools(caller: Caller) -> Sight:
    """Say which schools a caller may look up: a school or board its own, everybody else all."""
    if caller.has(Role.DUO, Role.OPERATIONS, Role.LAS):
        return Sight(everything=True)
    return sight_of(caller)


async def sight_by_school(c: Connection, caller: Caller) -> Sight:
    """Say the same as `sight_of`, with boards written out as their schools."""
    sight = sight_of(caller)
    own = await mandates.brins_of_boards(c, sight.bges)
    return Sight(everything=sight.everything, brins={*sight.brins, *own}, oins=sight.oins)


def administers(caller: Caller, school: School) -> bool:
    """Say whether a caller may give mandates for a school."""
    return caller.has(Role.SCHOOL) and (school.brin in caller.brins or school.bge_code in caller.bges)
