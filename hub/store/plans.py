"""What the planner reads and writes: unplanned events, subscriptions, tails of lanes, deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from hub.domain.kinds import Kind
from hub.domain.planning import DestinationRef, Directory, EventToPlan, Planned, SubscriptionFilter, UnitMessage
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.store.pool import Connection

    Lane = tuple[int, str]

GATE: Final = 0x05B_0010
"""Shared by transactions that create lanes, exclusive to those that hold or release whole destinations."""


@dataclass(frozen=True, slots=True)
class UnplannedEvents:
    """Unplanned events of schools, and the schools that are not in the register."""

    events: Sequence[EventToPlan]
    unknown: frozenset[str]


async def lock_unplanned(c: Connection, brins: Sequence[str], most: int) -> UnplannedEvents:
    """Lock these schools, in key order, and read at most `most` unplanned events of each."""
    rows = await queries.lock_unplanned_events(c, brins=sorted(brins), most=most)
    if missing := sorted(set(brins) - {row["brin"] for row in rows}):
        await queries.insert_planning_progress(c, brins=missing)
        rows = await queries.lock_unplanned_events(c, brins=sorted(brins), most=most)
    events = [_event(row) for row in rows if row["number"] is not None]
    return UnplannedEvents(events, frozenset(missing) - {row["brin"] for row in rows})


async def directory(c: Connection) -> Directory:
    """Read who gets what, as it is in this transaction; called before any lane is locked."""
    rows = await queries.read_directory(c, gate=GATE)
    destinations = {row["id"]: DestinationRef(id=row["id"], name=row["name"]) for row in rows}
    return Directory(
        queues={code: destinations[row["id"]] for row in rows for code in row["queue_of"] or ()},
        webhooks={row["system_code"]: destinations[row["id"]] for row in rows if row["kind"] == "las"},
        copies={row["system_code"]: destinations[row["id"]] for row in rows if row["kind"] == "las-copy"},
        subscriptions={row["system_code"]: _listener(row) for row in rows if row["types"] is not None},
    )


async def lock_gate_shared(c: Connection) -> None:
    """Keep destinations from being held or released as a whole until commit; call it before any lane is locked."""
    await queries.lock_gate_shared(c, gate=GATE)


async def lock_gate_exclusive(c: Connection) -> None:
    """Wait for open planning transactions and block new ones until commit; call it before any other lock."""
    await queries.lock_gate_exclusive(c, gate=GATE)


async def raise_lanes(c: Connection, counts: Mapping[Lane, int]) -> dict[Lane, int]:
    """Raise each lane's tail by its count and return the new tails."""
    lanes = sorted(counts)
    rows = await queries.raise_lanes(
        c,
        destinations=[lane[0] for lane in lanes],
        brins=[lane[1] for lane in lanes],
        counts=[counts[lane] for lane in lanes],
    )
    return {(row["destination"], row["brin"]): row["tail"] for row in rows}


async def write_deliveries(
    c: Connection,
    numbered: Sequence[tuple[int, Planned]],
    *,
    planned_at: datetime,
    published: Mapping[str, datetime],
    through: Mapping[str, int],
) -> None:
    """Store deliveries under their lane numbers, and how far schools are planned with them.

    `published` is per school when its record was published, `through` the number up to which it is planned now.
    """
    await queries.write_deliveries(
        c,
        schools=list(through),
        throughs=list(through.values()),
        planned_at=planned_at,
        destinations=[p.destination.id for _, p in numbered],
        brins=[p.brin for _, p in numbered],
        sequences=[sequence for sequence, _ in numbered],
        event_numbers=[p.event_number for _, p in numbered],
        ids=[p.id for _, p in numbered],
        branches=[p.branch for _, p in numbered],
        types=[p.kind.value for _, p in numbered],
        expects=[p.expects_report for _, p in numbered],
        published_at=[published.get(p.brin) for _, p in numbered],
        causes=[p.cause for _, p in numbered],
        replays=[p.replay_of for _, p in numbered],
        results=[p.result for _, p in numbered],
    )


async def lock_destinations(c: Connection, destinations: Iterable[int]) -> None:
    """Lock destinations whose lanes are locked before it is known what old news they get: see `lower_open_from`."""
    await queries.lock_destinations(c, destinations=sorted(set(destinations)))


async def lower_open_from(c: Connection, lowest: Mapping[int, UUID]) -> None:
    """Restart the search for the oldest unprocessed delivery at these ids, where it had passed them.

    Call it before any lane is locked, in the order in which circuits are opened and closed.
    """
    ordered = sorted(lowest)
    await queries.lower_unsettled_from(c, destinations=ordered, ids=[lowest[destination] for destination in ordered])


async def unplanned_schools(c: Connection, most: int) -> dict[str, int]:
    """Find schools with events that are not planned, with the counter they were seen at."""
    return {row["brin"]: row["counter"] for row in await queries.find_unplanned_schools(c, most=most)}


def _event(row: Mapping[str, Any]) -> EventToPlan:
    return EventToPlan(
        brin=row["brin"],
        number=row["number"],
        id=row["id"],
        service_code=row["service_code"],
        system_code=row["system_code"],
        units=[UnitMessage(branch=u["branch"], kind=Kind(u["type"])) for u in orjson.loads(row["units"])],
    )


def _listener(row: Mapping[str, Any]) -> SubscriptionFilter:
    return SubscriptionFilter(services=frozenset(row["services"]), types=tuple(row["types"]), reports=row["reports"])
