"""Destinations as forwarders see them: whether they may be sent to, their circuits and concurrency limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hub.domain.circuit import CircuitOpened
    from hub.domain.pace import SlowedDown
    from hub.store.pool import Connection


async def read(c: Connection) -> Sequence[Mapping[str, Any]]:
    """Read every destination: whether it may be sent to, its circuit and concurrency limit, and the time."""
    rows: Sequence[Mapping[str, Any]] = await queries.read_destination_states(c)
    return rows


async def open_circuit(c: Connection, destination: int, opened: CircuitOpened, before: str) -> bool:
    """Open a circuit; return False when another forwarder changed it first."""
    found = await queries.open_circuit(
        c,
        id=destination,
        before=before,
        since=opened.since,
        cause=opened.cause,
        error=opened.error,
        probe_after=(opened.probe_at - opened.since).total_seconds(),
    )
    return found is not None


async def claim_probe(c: Connection, destination: int, seconds: float, *, rotates: bool) -> bool:
    """Claim the probe of a destination for so many seconds, and make the lane to probe with the first one due."""
    if await queries.claim_probe(c, id=destination, seconds=seconds) is None:
        return False
    await queries.choose_probe(c, id=destination, rotates=rotates)
    return True


async def close_circuit(c: Connection, destination: int) -> bool:
    """Close a circuit and make all its lanes due; the time it was open does not count for retry schedules."""
    open_for = await queries.close_circuit(c, id=destination)
    if open_for is None:
        return False
    await queries.shift_schedules(c, id=destination, seconds=open_for)
    await queries.make_lanes_due(c, destinations=[destination])
    return True


async def slow_down(c: Connection, destination: int, slowed: SlowedDown) -> None:
    """Lower the concurrency limit of a destination, and pause it where it asked for that."""
    await queries.slow_down(c, id=destination, limit=slowed.limit, error=slowed.error, seconds=slowed.pause_seconds)


async def raise_limit(c: Connection, destination: int, limit: tuple[int, int | None], *, has_accepted: bool) -> bool:
    """Raise a concurrency limit, from one to the next; return False when it is too soon or another did it."""
    before, after = limit
    raised = await queries.raise_limit(c, id=destination, before=before, after=after, has_accepted=has_accepted)
    return raised is not None


async def reset_deadlines(c: Connection) -> None:
    """Let nothing wait for a moment that was named before the clock went back."""
    ids = [row["id"] for row in await queries.reset_deadlines(c)]
    await queries.make_lanes_due(c, destinations=ids)


async def write_accepted(c: Connection, accepted: Mapping[int, datetime]) -> None:
    """Write when the newest message was sent that each destination accepted."""
    ordered = sorted(accepted)  # two forwarders that write the same ones must not wait for each other
    await queries.write_accepted(c, ids=ordered, ats=[accepted[destination] for destination in ordered])
