"""The status of a school as rows: the events of its mandates, the newest delivery per unit, the reports on these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from hub.domain.delivery import Status
from hub.domain.kinds import Kind
from hub.store.deliveries import moments_of
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.domain.lag import Moments
    from hub.store.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolEvent:
    """An event of a mandate, with its units: branch ('' for the rest) to kind."""

    number: int
    mandate_id: UUID
    mandate_version: int
    recorded_at: datetime
    units: Mapping[str, Kind]
    is_planned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolDelivery:
    """The newest delivery of a unit of an event at a destination."""

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


async def read_events(c: Connection, brin: str) -> list[SchoolEvent]:
    """Return the events of a school's mandates, newest first."""
    return [
        SchoolEvent(
            number=row["number"],
            mandate_id=row["mandate_id"],
            mandate_version=row["mandate_version"],
            recorded_at=row["recorded_at"],
            units={unit["branch"]: Kind(unit["type"]) for unit in orjson.loads(row["units"])},
            is_planned=row["is_planned"],
        )
        for row in await queries.read_school_events(c, brin=brin)
    ]


async def read_newest(
    c: Connection, brin: str, destinations: Collection[int], events: Mapping[int, datetime]
) -> dict[tuple[int, int, str], SchoolDelivery]:
    """Return the newest delivery per (destination, event number, unit); `events` maps numbers to recording times."""
    rows = await queries.read_newest_school_deliveries(c, brin=brin, destinations=list(destinations))
    found = (_delivery(row, events[row["event_number"]]) for row in rows)
    return {(s.destination, s.event_number, s.branch): s for s in found}


async def read_signals(
    c: Connection, brin: str, deliveries: Sequence[SchoolDelivery]
) -> dict[tuple[int, int], list[dict[str, Any]]]:
    """Return the signals of the newest report per (destination, sequence)."""
    rows = await queries.read_newest_signals(
        c, brin=brin, destinations=[s.destination for s in deliveries], sequences=[s.sequence for s in deliveries]
    )
    return {(row["destination"], row["sequence"]): orjson.loads(row["signals"]) for row in rows}


def _delivery(row: Mapping[str, Any], recorded_at: datetime) -> SchoolDelivery:
    return SchoolDelivery(
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
    )
