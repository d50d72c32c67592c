"""What operators search for. In: ids, statuses, routing characteristics, traces. Out: rows, within bounds.

Deliveries have no index on their status, which changes with every message: they are looked through from the newest on,
a bounded number at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import UUID

from hub.domain.ids import time_of
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from hub.store.pool import Connection

CHUNK: Final = 20_000
LAST_ID: Final = UUID(int=2**128 - 1)
TRACE_DAYS: Final = timedelta(days=7)
ID_SLACK: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDelivery:
    """A delivery as a list shows it."""

    id: UUID
    destination: int
    sequence: int
    brin: str
    school: str
    branch: str
    kind: str
    status: str
    reason: str | None
    planned_at: datetime
    delivered_at: datetime | None
    processed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySearch:
    """Which deliveries are looked for, before an id."""

    statuses: Sequence[str]
    destination: int | None = None
    brin: str | None = None
    before: UUID = LAST_ID


async def list_recent(c: Connection, wanted: DeliverySearch, most: int) -> tuple[list[ListedDelivery], UUID | None]:
    """Return deliveries among the next 20,000, newest first, and the id before which the search goes on."""
    rows = await queries.list_recent_deliveries(
        c,
        before=wanted.before,
        statuses=list(wanted.statuses),
        destination=wanted.destination,
        brin=wanted.brin,
        chunk=CHUNK,
        most=most + 1,
    )
    found = [ListedDelivery(**row) for row in rows]
    if len(found) > most:
        return found[:most], found[most - 1].id
    return found, cast("UUID | None", await queries.find_id_before(c, before=wanted.before, chunk=CHUNK))


async def routing_users(c: Connection, brin: str, routing: str) -> list[Mapping[str, Any]]:
    """Return the mandates that use a routing characteristic of a school."""
    return list(await queries.find_routing_users(c, brin=brin, routing=routing))


async def events_of_trace(c: Connection, trace: str, now: datetime, most: int) -> list[tuple[str, int]]:
    """Return the school and number of the events of a trace, of the last seven days."""
    rows = await queries.find_events_of_trace(c, trace=trace, since=now - TRACE_DAYS, most=most)
    return [(row["brin"], row["number"]) for row in rows]


async def find_event(c: Connection, event_id: UUID) -> list[tuple[str, int]]:
    """Return the school and number of an event; its id starts with the time at which it was recorded."""
    try:
        at = time_of(event_id)
    except (OverflowError, ValueError, OSError):
        return []
    rows = await queries.find_event(c, id=event_id, since=at - ID_SLACK, until=at + ID_SLACK)
    return [(row["brin"], row["number"]) for row in rows]


async def deliveries_of(
    c: Connection, events: Collection[tuple[str, int]], destinations: Collection[int], most: int
) -> list[UUID]:
    """Return the deliveries that were planned for these events."""
    found: list[UUID] = []
    for brin, number in events:
        rows = await queries.find_deliveries_of_event(
            c, brin=brin, number=number, destinations=list(destinations), most=most - len(found)
        )
        found += [row["id"] for row in rows]
    return found[:most]
