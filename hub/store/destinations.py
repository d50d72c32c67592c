"""Destinations as forwarders see them: whether they may be sent to, and their circuits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hub.domain.circuit import CircuitOpened
    from hub.domain.outcome import Failure
    from hub.store.pool import Connection


async def read(c: Connection) -> Sequence[Mapping[str, Any]]:
    """Read every destination: what it is, whether it may be sent to, its circuit and its pace, and the time there."""
    rows: Sequence[Mapping[str, Any]] = await queries.read_destination_states(c)
    return rows


async def open_circuit(c: Connection, destination: int, opening: CircuitOpened, before: str) -> bool:
    """Let nothing through but probes; False when it is not as it was any more, because another did something."""
    opened = await queries.open_circuit(
        c,
        id=destination,
        before=before,
        since=opening.since,
        cause=opening.cause,
        error=opening.error,
        probe_after=(opening.probe_at - opening.since).total_seconds(),
    )
    return opened is not None


async def claim_probe(c: Connection, destination: int, seconds: float, *, rotates: bool) -> bool:
    """Be the one forwarder that tries, for so many seconds, and let the lane to try with go first."""
    if await queries.claim_probe(c, id=destination, seconds=seconds) is None:
        return False
    await queries.choose_probe(c, id=destination, rotates=rotates)
    return True


async def close_circuit(c: Connection, destination: int) -> bool:
    """Let everything through again and make all its lanes due; the time it was open does not count for schedules."""
    open_for = await queries.close_circuit(c, id=destination)
    if open_for is None:
        return False
    await queries.shift_schedules(c, id=destination, seconds=open_for)
    await queries.make_lanes_due(c, destinations=[destination])
    return True


async def slow_down(c: Connection, destination: int, pace: int, failure: Failure, seconds: float) -> None:
    """Let a destination have fewer lanes at once, and nothing at all for some seconds where it asked for that."""
    await queries.slow_down(c, id=destination, pace=pace, error=failure.error, seconds=seconds)


async def speed_up(c: Connection, destination: int, pace: tuple[int, int | None], *, took: bool) -> bool:
    """Let it have more lanes again, from one pace to the next; False when it is not the time, or another did."""
    before, after = pace
    return await queries.speed_up(c, id=destination, before=before, after=after, took=took) is not None


async def reset_deadlines(c: Connection) -> None:
    """Let nothing wait for a moment that was named before the clock went back."""
    ids = [row["id"] for row in await queries.reset_deadlines(c)]
    await queries.make_lanes_due(c, destinations=ids)


async def write_accepted(c: Connection, taken: Mapping[int, datetime]) -> None:
    """Remember when what destinations took last was sent."""
    ordered = sorted(taken)  # two forwarders that note the same ones must not wait for each other
    await queries.write_accepted(c, ids=ordered, ats=[taken[destination] for destination in ordered])
