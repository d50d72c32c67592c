"""The status of schools as rows: the events of its mandates, the newest delivery per unit, the reports on these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from hub.domain.delivery import Status
from hub.store.deliveries import moments_of
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.domain.lag import Moments
    from hub.store.pool import Connection
    from hub.store.search import ListedDelivery

DeliveryKey: TypeAlias = "tuple[str, int, int, str]"
"""A school, a destination, the number of an event, a unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitAtReceiver:
    """A unit of a mandate (branch '' for the rest), and whether its messages go to a queue of DUO."""

    mandate_id: UUID
    branch: str
    is_queue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitEvent:
    """The newest event that told a unit of a mandate something."""

    brin: str
    mandate_id: UUID
    branch: str
    number: int
    mandate_version: int
    recorded_at: datetime
    is_planned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolDelivery:
    """The newest delivery of a unit of an event at a destination."""

    brin: str
    destination: int
    sequence: int
    event_number: int
    branch: str
    id: UUID
    status: Status
    reason: str | None
    moments: Moments
    failed_since: datetime | None
    lane_is_held: bool
    repeat_status: Status | None = None
    """The status of a repeat that is on its way, while this earlier delivery is processed."""


async def newest_events(c: Connection, units: Sequence[UnitAtReceiver]) -> list[UnitEvent]:
    """Return the newest event per unit; none for a unit that was told nothing."""
    rows = await queries.read_newest_events_of_units(
        c,
        mandates=[unit.mandate_id for unit in units],
        branches=[unit.branch for unit in units],
        queues=[unit.is_queue for unit in units],
    )
    return [UnitEvent(**row) for row in rows]


async def newest_deliveries(
    c: Connection, events: Sequence[tuple[int, UnitEvent]]
) -> dict[DeliveryKey, SchoolDelivery]:
    """Return the newest delivery of each unit of events at destinations."""
    rows = await queries.read_newest_deliveries_of_units(
        c,
        brins=[event.brin for _, event in events],
        destinations=[destination for destination, _ in events],
        numbers=[event.number for _, event in events],
        branches=[event.branch for _, event in events],
    )
    recorded = {(event.brin, event.number): event.recorded_at for _, event in events}
    found = (_delivery(row, recorded[row["brin"], row["event_number"]]) for row in rows)
    return {(s.brin, s.destination, s.event_number, s.branch): s for s in found}


async def read_signals(
    c: Connection, deliveries: Sequence[SchoolDelivery | ListedDelivery]
) -> dict[tuple[str, int, int], list[dict[str, Any]]]:
    """Return the signals of the newest report per (school, destination, sequence)."""
    rows = await queries.read_newest_signals(
        c,
        brins=[s.brin for s in deliveries],
        destinations=[s.destination for s in deliveries],
        sequences=[s.sequence for s in deliveries],
    )
    return {(row["brin"], row["destination"], row["sequence"]): orjson.loads(row["signals"]) for row in rows}


async def read_marks(c: Connection, brins: Collection[str]) -> dict[str, str]:
    """Return a mark per school; it differs when its mandates or its newest deliveries do."""
    return {row["brin"]: row["mark"] for row in await queries.read_marks(c, brins=sorted(brins))}


def _delivery(row: Mapping[str, Any], recorded_at: datetime) -> SchoolDelivery:
    return SchoolDelivery(
        brin=row["brin"],
        destination=row["destination"],
        sequence=row["sequence"],
        event_number=row["event_number"],
        branch=row["branch"],
        id=row["id"],
        status=Status(row["status"]),
        reason=row["reason"],
        moments=moments_of(row, recorded_at),
        failed_since=row["failed_since"],
        lane_is_held=row["lane_is_held"],
        repeat_status=None if row["repeat_status"] is None else Status(row["repeat_status"]),
    )
