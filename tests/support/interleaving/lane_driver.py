"""Forwarders of interleavings: they lease lanes, send deliveries, decide as the forwarder does, and complete lanes.

In: an owner, permits. Out: arrivals, and what was recorded. Every statement, and every send, is a step.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from consumers.forwarding.destination import Destination
from consumers.forwarding.lane_progress import LaneProgress
from hub import settle
from hub.domain.delivery import Delivered, Refused, RetryLater
from hub.store import lanes
from tests.support.interleaving.interleaver import SteppedConnection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

    from hub.domain.delivery import Outcome
    from hub.settle import LaneResult
    from hub.store.lanes import Lease, QueuedDelivery
    from tests.support.interleaving.world import InterleavingWorld

HELD_NAMES: Final = ("duo:rio", "duo:verzuim", "las:00000099000000001000", "las-copy:00000099000000001000")
ROUNDS: Final = 2


async def read_named_destinations(c: asyncpg.Connection[Any]) -> dict[int, Destination]:
    """Read all destinations as a forwarder has them while all is well."""
    rows = await c.fetch("select id, name, kind, topic from destinations order by id")
    return {row["id"]: Destination(**dict(row), is_open=True) for row in rows}


async def carry(
    w: InterleavingWorld, c: Any, name: str, *, most: int = 2, always: bool = False, at: datetime | None = None
) -> bool:
    """Take a turn with whatever is due; with `always` everything is taken by its receiver."""
    taken = await lanes.take(c, w.owners[name], dict.fromkeys(w.destinations, 40 if always else 2), most)
    await send_and_settle(w, c, name, taken, always=always, at=at)
    return bool(taken)


async def send_and_settle(
    w: InterleavingWorld,
    c: Any,
    name: str,
    taken: Mapping[Lease, Sequence[QueuedDelivery]],
    *,
    always: bool = False,
    at: datetime | None = None,
) -> None:
    """Send what was taken and settle all of it together."""
    runs = [await _send(w, c, lease, deliveries, always=always, at=at) for lease, deliveries in taken.items()]
    if not runs:
        return
    done = await settle.complete(c, w.owners[name], runs, at or datetime.now(UTC))
    w.accept(runs, done.lanes)


async def _send(
    w: InterleavingWorld,
    c: Any,
    lease: Lease,
    deliveries: Sequence[QueuedDelivery],
    *,
    always: bool,
    at: datetime | None,
) -> LaneResult:
    untouched = replace(w.destinations[lease.destination], topic=None)  # circuits have actors of their own
    progress = LaneProgress(lease=lease, destination=untouched)
    for delivery in deliveries:
        if progress.skips(delivery):
            continue
        sequence = delivery.message.sequence
        if isinstance(c, SteppedConnection):
            await c.step(f"send {lease.destination} {lease.brin} {sequence}")
        outcome = _outcome(w, sequence, at or datetime.now(UTC), always=always)
        if isinstance(outcome, Delivered):
            w.arrivals[lease.destination, lease.brin].append((str(delivery.message.id), sequence))
        progress.record(delivery, outcome, outcome.at)
        if progress.is_over:
            break
    return progress.result()


def _outcome(w: InterleavingWorld, sequence: int, at: datetime, *, always: bool) -> Outcome:
    fate = 0.0 if always else w.draw.random()
    if fate < 0.75:
        return Delivered(at=at, partition=0, offset=sequence)
    if fate < 0.9:
        return RetryLater(at=at, error="nobody", duration_ms=1)
    return Refused(at=at, error="no", duration_ms=1)
