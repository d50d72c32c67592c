"""Cancel deliveries because a person decided so. In: deliveries. Out: statuses; their lanes go on without them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.domain.delivery import Ignored, Move, Status, advance
from hub.domain.reasons import CANCELLED_BY_OPERATOR, stored_reason
from hub.errors import Conflict, NotFound
from hub.settle.status_changes import StatusChanges
from hub.store import reports

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.domain.keys import DeliveryKey
    from hub.store.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """A cancelled delivery, its school, and its status before and after."""

    id: UUID
    brin: str
    before: Status
    after: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyCancelled:
    """The cancelled deliveries, and those in a lane that a forwarder is sending; the rest was no longer waiting."""

    cancelled: Sequence[Cancelled]
    busy: Collection[DeliveryKey]


async def cancel(c: Connection, delivery_id: UUID, words: str | None, now: datetime, process: int = 0) -> Cancelled:
    """Cancel a waiting delivery for what an operator says; the caller owns the transaction.

    Raise `NotFound` for an unknown id and `Conflict` when the message is being sent or its status is final.
    """
    key = (await reports.find_by_id(c, [delivery_id])).get(delivery_id)
    if key is None:
        raise _unknown(delivery_id)
    lane = (await reports.lock_lanes(c, [key.lane]))[key.lane]
    delivery = (await reports.read_targets(c, [key])).get(key)
    if delivery is None:  # retention deleted it meanwhile
        raise _unknown(delivery_id)
    if lane.is_leased:
        msg = "in_flight"
        raise Conflict(msg, f"delivery {delivery_id} is being sent; try again when it has been settled")
    after = advance(delivery.status, Move.CANCELLED, expects_report=delivery.expects_report)
    if isinstance(after, Ignored):
        msg = "final"
        raise Conflict(msg, f"delivery {delivery_id} is {delivery.status}; only what still waits can be cancelled")
    await reports.cancel(c, key, stored_reason(words))
    changes = StatusChanges()
    changes.add(
        key, delivery.status, after, at=now, expects_report=delivery.expects_report, reason=CANCELLED_BY_OPERATOR
    )
    await changes.write(c, process)
    return Cancelled(id=delivery_id, brin=key.brin, before=delivery.status, after=after)


async def cancel_many(
    c: Connection, keys: Collection[DeliveryKey], words: str, now: datetime, process: int
) -> ManyCancelled:
    """Cancel those of these deliveries that wait and are not being sent; the caller owns the transaction."""
    lanes = await reports.lock_lanes(c, {key.lane for key in keys})
    busy = {key for key in keys if lanes[key.lane].is_leased}
    found = await reports.read_targets(c, [key for key in keys if key not in busy])
    changes = StatusChanges()
    cancelled: dict[DeliveryKey, Cancelled] = {}
    for key, delivery in found.items():
        after = advance(delivery.status, Move.CANCELLED, expects_report=delivery.expects_report)
        if isinstance(after, Status):
            changes.add(
                key,
                delivery.status,
                after,
                at=now,
                expects_report=delivery.expects_report,
                reason=CANCELLED_BY_OPERATOR,
            )
            cancelled[key] = Cancelled(id=delivery.id, brin=delivery.brin, before=delivery.status, after=after)
    await reports.cancel_many(c, list(cancelled), stored_reason(words))
    await changes.write(c, process)
    return ManyCancelled(cancelled=list(cancelled.values()), busy=busy)


def _unknown(delivery_id: UUID) -> NotFound:
    return NotFound(f"no delivery {delivery_id}")
