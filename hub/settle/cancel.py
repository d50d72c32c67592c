"""A person decides that messages will not be sent. In: deliveries. Out: their lanes go on without them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.domain.delivery import Ignored, Move, Status, advance
from hub.errors import Conflict, NotFound
from hub.settle.status_changes import StatusChanges
from hub.store import reports

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.store.pool import Connection
    from hub.store.reports import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """A delivery that will not be sent, of which school, and from what to what it went."""

    id: UUID
    brin: str
    before: Status
    after: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyCancelled:
    """What was cancelled, and what stands in a lane that somebody is sending; the rest waits no more."""

    cancelled: Sequence[Cancelled]
    busy: Collection[Key]


async def cancel(c: Connection, delivery_id: UUID, reason: str, now: datetime, process: int = 0) -> Cancelled:
    """Cancel a delivery that waits; the caller owns the transaction.

    Raises `NotFound` for an unknown id and `Conflict` when the message is on its way or has come to its end.
    """
    key = (await reports.find_by_id(c, [delivery_id])).get(delivery_id)
    if key is None:
        raise _unknown(delivery_id)
    lane = (await reports.lock_lanes(c, [key[:2]]))[key[:2]]
    delivery = (await reports.read_targets(c, [key])).get(key)
    if delivery is None:  # it was old, and taken away meanwhile
        raise _unknown(delivery_id)
    if lane.is_leased:
        msg = "in_flight"
        raise Conflict(msg, f"delivery {delivery_id} is being sent; try again when it has been settled")
    after = advance(delivery.status, Move.CANCELLED, expects_report=delivery.expects_report)
    if isinstance(after, Ignored):
        msg = "final"
        raise Conflict(msg, f"delivery {delivery_id} is {delivery.status}; only what still waits can be cancelled")
    await reports.cancel(c, key, reason)
    entries = StatusChanges()
    entries.moved(key, delivery.status, after, at=now, expects_report=delivery.expects_report, reason=reason)
    await entries.write(c, process)
    return Cancelled(id=delivery_id, brin=key[1], before=delivery.status, after=after)


async def cancel_many(c: Connection, keys: Collection[Key], reason: str, now: datetime, process: int) -> ManyCancelled:
    """Cancel those of these deliveries that wait and that nobody is sending; the caller owns the transaction."""
    lanes = await reports.lock_lanes(c, {key[:2] for key in keys})
    busy = {key for key in keys if lanes[key[:2]].is_leased}
    found = await reports.read_targets(c, [key for key in keys if key not in busy])
    entries = StatusChanges()
    cancelled: dict[Key, Cancelled] = {}
    for key, delivery in found.items():
        after = advance(delivery.status, Move.CANCELLED, expects_report=delivery.expects_report)
        if isinstance(after, Status):
            entries.moved(key, delivery.status, after, at=now, expects_report=delivery.expects_report, reason=reason)
            cancelled[key] = Cancelled(id=delivery.id, brin=delivery.brin, before=delivery.status, after=after)
    await reports.cancel_many(c, list(cancelled), reason)
    await entries.write(c, process)
    return ManyCancelled(cancelled=list(cancelled.values()), busy=busy)


def _unknown(delivery_id: UUID) -> NotFound:
    return NotFound(f"no delivery {delivery_id}")
