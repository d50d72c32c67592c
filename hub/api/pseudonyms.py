"""Names callers in the log as the audit does. In: a caller. Out: its pseudonym, resolved by one table alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.store import people
from hub.store.pool import DATABASE_ERRORS

if TYPE_CHECKING:
    from hub.access import Caller
    from hub.api.state import AppState


async def pseudonym_of(state: AppState, caller: Caller | None) -> str | None:
    """Return the pseudonym of a caller; None for nobody, and while the database does not answer."""
    if caller is None or state.pool is None:
        return None
    known = state.pseudonyms.get(caller.subject)
    if known is None:
        try:
            async with state.pool.acquire() as c:
                known = await people.pseudonym(c, caller.subject, state.clock())
        except DATABASE_ERRORS:
            return None
        state.pseudonyms[caller.subject] = known
    state.pseudonyms.move_to_end(caller.subject)
    if len(state.pseudonyms) > state.settings.limits.remembered:
        state.pseudonyms.popitem(last=False)
    return known
