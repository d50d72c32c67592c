"""Replace the backlog of a system that subscribes for the first time by the current state.

In: a system that had no receiver. Out: its backlog cancelled, and one `granted` per live unit, in the transaction
that stores the subscription. What is not planned yet is left to the planner: it comes after, in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.domain.delivery import Move, advance
from hub.domain.reasons import NO_RECEIVER
from hub.operations.restate import restate
from hub.settle.status_changes import StatusChanges
from hub.store import backlog
from schemas.kinds import DeliveryStatus as Status

if TYPE_CHECKING:
    from datetime import datetime

    from hub.domain.planning import DestinationRef
    from hub.domain.subscription import Subscription
    from hub.store.pool import Connection

PROCESS: Final = 0  # tallies of what has no process row of its own


async def replace_backlog(c: Connection, subscription: Subscription, webhook: DestinationRef, now: datetime) -> None:
    """Cancel what was planned for a system without a receiver, and append the current state of what lives.

    Locks schools, then the destination, then lanes, as everywhere, so that no planner interferes.
    """
    await backlog.lock_system(c, subscription, webhook.id)
    await cancel_backlog(c, webhook.id, NO_RECEIVER, now)
    living = await backlog.living_units(c, subscription)
    units = [(webhook.id, unit.brin, unit.mandate_id, unit.branch) for unit in living]
    await restate(c, units, cause=subscription.id, now=now, process=PROCESS)


async def cancel_backlog(c: Connection, destination: int, reason: str, now: datetime) -> int:
    """Cancel all that waits for a destination, and return how much it was."""
    cancelled = await backlog.cancel(c, destination, reason)
    changes = StatusChanges()
    for gone in cancelled:
        after = advance(gone.before, Move.CANCELLED, expects_report=gone.expects_report)
        if isinstance(after, Status):
            changes.add(gone.key, gone.before, after, at=now, expects_report=gone.expects_report, reason=reason)
    await changes.write(c, PROCESS)
    return len(cancelled)
