"""What the planner reads and writes: unplanned events, subscriptions, tails of lanes, deliveries."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import orjson

from hub.domain.delivery import Status
from hub.domain.kinds import KINDS
from hub.domain.planning import DestinationRef, Directory, EventToPlan, Planned, SubscriptionFilter, UnitMessage
from hub.store import observe, tallies
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.store.pool import Connection

    Lane = tuple[int, str]

GATE: Final = 0x05B_0010
"""Shared by transactions that create lanes, exclusive to those that hold or release whole destinations."""

_WAITING: Final = Status.WAITING


@dataclass(frozen=True, slots=True)
class UnplannedEvents:
    """Unplanned events of schools, who receives what, and the schools that are not in the register."""

    events: Sequence[EventToPlan]
    directory: Directory
    unknown: frozenset[str]


async def lock_unplanned(c: Connection, brins: Sequence[str], most: int) -> UnplannedEvents:
    """Lock these schools, in key order, and read at most `most` unplanned events of each.

    Where there are any, it also locks the gate and reads who receives what. Call it before any lane is locked.
    """
    *rows, last = await queries.lock_unplanned(c, brins=sorted(brins), most=most, gate=GATE)
    return UnplannedEvents(list(map(_event, rows)), _directory(last["directory"]), frozenset(last["unknown"]))


async def directory(c: Connection) -> Directory:
    """Read who gets what, as it is in this transaction; called before any lane is locked."""
    return _directory(await queries.read_directory(c, gate=GATE))


@lru_cache(2)  # the same for hours
def _directory(text: str | None) -> Directory:
    rows = orjson.loads(text or "[]")
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


async def append_deliveries(
    c: Connection,
    planned: Sequence[Planned],
    *,
    planned_at: datetime,
    process: int,
    published: Mapping[str, datetime],
    through: Mapping[str, int],
) -> None:
    """Raise lanes, store deliveries under their numbers, count them, and store how far schools are planned with them.

    `published` is per school when its record was published, `through` the number up to which it is planned now.
    """
    counts = Counter((p.destination.id, p.brin) for p in planned)
    lanes = sorted(counts)
    await queries.append_deliveries(
        c,
        lane_destinations=[destination for destination, _ in lanes],
        lane_brins=[brin for _, brin in lanes],
        lane_counts=[counts[lane] for lane in lanes],
        schools=list(through),
        throughs=list(through.values()),
        process=process,
        **tallies.columns(Counter((p.destination.id, _WAITING, p.expects_report) for p in planned)),
        planned_at=planned_at,
        **_places(planned, lanes),
        brins=[p.brin for p in planned],
        event_numbers=[p.event_number for p in planned],
        ids=[p.id for p in planned],
        types=[p.kind for p in planned],
        reports=[p.expects_report for p in planned],
        **_optional_columns(planned, published),
    )


def _places(planned: Iterable[Planned], lanes: Sequence[Lane]) -> dict[str, list[int]]:
    """Return the lane of each delivery, counted from 1, and its place among those of its lane."""
    number = {lane: nth for nth, lane in enumerate(lanes, 1)}
    taken: Counter[int] = Counter()
    columns: dict[str, list[int]] = {"lanes": [], "places": []}
    for p in planned:
        lane = number[p.destination.id, p.brin]
        taken[lane] += 1
        columns["lanes"].append(lane)
        columns["places"].append(taken[lane])
    return columns


def _optional_columns(planned: Sequence[Planned], published: Mapping[str, datetime]) -> dict[str, list[Any] | None]:
    """Return columns of which most rows have nothing; None for one without any value, which costs nothing to send."""
    columns: dict[str, list[Any]] = {
        "branches": [p.branch or None for p in planned],
        "published_at": [published.get(p.brin) for p in planned],
        "causes": [p.cause for p in planned],
        "replays": [p.replay_of for p in planned],
        "results": [p.result for p in planned],
    }
    return {name: column if any(value is not None for value in column) else None for name, column in columns.items()}


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
    """Find schools with events that are not planned, with the counter they were seen at.

    All schools are read, so they are joined in one pass and not looked up one by one.
    """
    async with c.transaction():
        await observe.allow_table_scans(c)
        return {row["brin"]: row["counter"] for row in await queries.find_unplanned_schools(c, most=most)}


def _event(row: Mapping[str, Any]) -> EventToPlan:
    return EventToPlan(
        brin=row["brin"],
        number=row["number"],
        id=row["id"],
        service_code=row["service_code"],
        system_code=row["system_code"],
        units=_unit_messages(row["units"]),
    )


@lru_cache(4096)  # the events of a school are mostly about the same units
def _unit_messages(units: str) -> tuple[UnitMessage, ...]:
    return tuple(UnitMessage(branch=u["branch"], kind=KINDS[u["type"]]) for u in orjson.loads(units))


def _listener(row: Mapping[str, Any]) -> SubscriptionFilter:
    return SubscriptionFilter(services=frozenset(row["services"]), types=tuple(row["types"]), reports=row["reports"])
