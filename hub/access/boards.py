"""Which schools a caller administers. In: a caller with schools and boards. Out: schools, those of its boards too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.access.caller import Caller, Role
from hub.store import mandates

if TYPE_CHECKING:
    from hub.store.pool import Connection
    from schemas.identifiers import Brin


async def own_schools(c: Connection, caller: Caller) -> frozenset[Brin]:
    """Return the schools that a caller administers, with every school of its boards; none without that role."""
    if not caller.has(Role.SCHOOL):
        return frozenset()
    return caller.brins | frozenset(await mandates.brins_of_boards(c, caller.bges))
