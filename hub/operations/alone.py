"""What one operator may do alone. In: a single act of an operator. Out: it is counted, or two people are needed.

Acts of a kind count together, one by one or in bulk: a loop of single cancellations is the same as one bulk job. A hold
is not counted: it destroys nothing, and an emergency waits for nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.domain.bulk import SingleKind, needs_approval
from hub.errors import Conflict
from hub.store import bulk, people
from schemas.cloudevents import write_time

if TYPE_CHECKING:
    from hub.access import Actor
    from hub.domain.bulk import ActKind
    from hub.store.pool import Connection


async def count_alone(c: Connection, kind: ActKind, actor: Actor, four_eyes_above: int) -> None:
    """Count one act of a person; raise `Conflict` `needs_approval` for more in 24 hours than one may do alone.

    The caller owns the transaction, which makes other acts of that person and kind wait. It counts after the act, which
    is undone when it was one too many: lanes are locked before the row of a person, as by everybody.
    """
    person = await people.pseudonym(c, actor.subject, actor.at)
    before = await bulk.lock_recent_volume(c, kind, person)
    if isinstance(kind, SingleKind):  # there is no job that another operator could approve
        four_eyes_above = max(1, four_eyes_above)
    if needs_approval(1, before, four_eyes_above):
        since = "" if before.since is None else f" since {write_time(before.since)}"
        detail = (
            f"one person may do {four_eyes_above} of these alone in 24 hours, and {before.deliveries} were done by you"
            f"{since}; let another operator do it (cancellations: by a bulk job that another operator approves)"
        )
        raise Conflict("needs_approval", detail)
    await bulk.insert_single_act(c, kind, person)
