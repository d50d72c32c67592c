"""Destinations as forwarders see them: whether they may be sent to, and their circuits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hub.domain.circuit import Opening
    from hub.store.pool import Connection


async def read(c: Connection) -> Sequence[Mapping[str, Any]]:
    """Read every destination: id, name, kind, topic, supplier_oin, is_open, circuit and what belongs to it."""
    rows: Sequence[Mapping[str, Any]] = await queries.read_places(c)
    return rows


async def open_circuit(c: Connection, destination: int, opening: Opening) -> None:
    """Let nothing through but probes."""
    await queries.open_circuit(
        c,
        id=destination,
        since=opening.since,
        cause=opening.cause,
        error=opening.error,
        probe_after=(opening.probe_at - opening.since).total_seconds(),
    )


async def claim_probe(c: Connection, destination: int) -> bool:
    """Be the one forwarder that tries, and make the oldest waiting lane due for it."""
    if await queries.claim_probe(c, id=destination) is None:
        return False
    await queries.lanes_due_now(c, id=destination)
    return True


async def close_circuit(c: Connection, destination: int) -> bool:
    """Let everything through again and make all its lanes due."""
    if await queries.close_circuit(c, id=destination) is None:
        return False
    await queries.wake_lanes(c, destinations=[destination])
    return True


async def note_taken(c: Connection, taken: Mapping[int, datetime]) -> None:
    """Remember when destinations last took something."""
    await queries.note_taken(c, ids=list(taken), ats=list(taken.values()))
