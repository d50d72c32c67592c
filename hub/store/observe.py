"""Numbers for lag. In: counters, lanes, watermarks. Out: sums, and the oldest waiting delivery.

Nothing here counts deliveries: a query that runs each second must not grow with the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, cast
from uuid import UUID

from hub.domain.cause import CircuitState, DestinationState, FailedTransport
from hub.domain.delivery import Status
from hub.domain.durations import seconds_of
from hub.domain.ids import lowest_at, time_of
from hub.store.objectives import read_objective
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hub.domain.objective import Objective
    from hub.store.pool import Connection

CHUNK: Final = 20_000
LATE_PLANNING: Final = timedelta(minutes=5)
"""Deliveries of younger events may still appear, so the search never starts later than this ago."""
RECENT_SECONDS: Final = 300.0
FIRST_ID: Final = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationView:
    """A destination with its holds, circuit and pace."""

    id: int
    name: str
    kind: Literal["duo", "las", "las-copy"]
    topic: str | None
    supplier_oin: str | None
    system_code: str | None
    services: tuple[str, ...]
    state: DestinationState
    is_held_by_operator: bool
    has_receiver: bool
    """Whether it is a queue, or a system with an active subscription."""
    subscription_id: UUID | None
    url: str | None
    circuit: CircuitState
    circuit_since: datetime | None
    circuit_is_misconfigured: bool
    circuit_error: str | None
    pace: int | None
    slow_error: str | None
    paused_until: datetime | None
    held_from: datetime | None
    held_until: datetime | None
    """The last hold of the whole destination; one that lasts has no end."""
    objective: Objective | None
    """Its own objective, if it has one."""
    objective_version: int
    shown_as: str
    """Its name for people: of DUO's service, or of the system and its services."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSums:
    """Sums over the lanes of a destination, and over its held lanes."""

    idle: int = 0
    held: int = 0
    waiting: int = 0
    retrying: int = 0
    leased: int = 0
    held_waiting: int = 0
    held_retrying: int = 0
    waits_since: datetime | None = None
    held_brins: tuple[str, ...] = ()
    """Schools that are held while the destination is open."""
    released_brins: tuple[str, ...] = ()
    """Schools that are released while the destination is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogProgress:
    """Numbers of recorded, published and planned events, and of open parked records."""

    recorded: int
    published: int
    planned: int
    parked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OldestUnprocessed:
    """The oldest delivered delivery without a report; `at` is when it was delivered."""

    id: UUID
    at: datetime
    was_planned_by_event: bool
    planned_at: datetime
    failed_since: datetime | None
    reported_at: datetime | None
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class OldestUnsent:
    """The delivery that waits longest to be sent, held or not; it waits since its event, or since it was planned."""

    recorded_at: datetime
    failed_since: datetime | None
    is_held: bool


async def read_destinations(c: Connection) -> list[DestinationView]:
    """Read the destinations in use: DUO's queues, webhooks of systems, copies that were ever sent."""
    return [_destination(row) for row in await queries.read_destinations(c)]


async def lane_sums(c: Connection) -> dict[int, LaneSums]:
    """Return sums over the lanes of each destination that has lanes."""
    rows = await queries.sum_lanes(c)
    return {
        row["destination"]: LaneSums(
            **{
                **{name: value for name, value in row.items() if name != "destination"},
                "held_brins": tuple(row["held_brins"] or ()),
                "released_brins": tuple(row["released_brins"] or ()),
            }
        )
        for row in rows
    }


async def oldest_unsent(c: Connection, destination: int) -> OldestUnsent | None:
    """Return the delivery of a destination that waits longest to be sent."""
    row = await queries.read_oldest_unsent(c, destination=destination)
    if row is None:
        return None
    recorded = time_of(row["id"]) if row["was_planned_by_event"] else row["planned_at"]
    return OldestUnsent(recorded_at=recorded, failed_since=row["failed_since"], is_held=row["is_held"])


async def log_progress(c: Connection) -> LogProgress:
    """Read the progress of the log and the planner, and the number of parked records."""
    return LogProgress(**await queries.sum_log_progress(c))


async def oldest_unplanned(c: Connection) -> datetime | None:
    """Return when the oldest unplanned event was recorded."""
    return cast("datetime | None", await queries.read_oldest_unplanned(c))


async def last_failure(c: Connection, destination: int) -> FailedTransport | None:
    """Return the newest failed attempt of a destination's retrying deliveries."""
    row = await queries.read_last_failure(c, destination=destination)
    if row is None:
        return None
    return FailedTransport(
        was_refused=row["outcome"] == "refused", error=row["error"] or f"status {row['http_status']}"
    )


async def count_processes(c: Connection) -> dict[str, int]:
    """Count live processes by role."""
    return {row["role"]: row["n"] for row in await queries.count_processes(c)}


async def search_starts(c: Connection) -> dict[int, UUID]:
    """Return where each destination's search for the oldest unprocessed delivery starts."""
    return {row["id"]: row["unsettled_from"] or FIRST_ID for row in await queries.read_search_starts(c)}


async def oldest_unprocessed(c: Connection, destination: int, start: UUID) -> OldestUnprocessed | None:
    """Return a destination's oldest delivery without a report, from an id on."""
    low: UUID | None = start
    while low is not None:
        row = await queries.find_first_unprocessed(c, destination=destination, low=low, most=CHUNK)
        if row is not None:
            named = {**row, "at": row["delivered_at"], "status": Status(row["status"])}
            del named["delivered_at"]
            return OldestUnprocessed(**named)
        low = await queries.find_id_after(c, low=low, high=UUID(int=2**128 - 1), most=CHUNK)
    return None


async def advance_open_from(c: Connection, now: datetime) -> None:
    """Advance the start of searches past final deliveries, by a bounded step, and never into the last minutes.

    The planner lowers it again when it plans an old event.
    """
    high = lowest_at(now - LATE_PLANNING)
    for row in await queries.read_search_starts(c):
        was = row["unsettled_from"]
        if (was or FIRST_ID) >= high or await _passable(c, row["id"], was or FIRST_ID, high) == was:
            continue
        async with c.transaction():
            await queries.lock_destination(c, destination=row["id"])
            through = await _passable(c, row["id"], was or FIRST_ID, high)
            await queries.advance_unsettled_from(c, destination=row["id"], was=was, through=through)


async def _passable(c: Connection, destination: int, start: UUID, high: UUID) -> UUID:
    """Return the id up to which all deliveries are final, from an id on, within a bounded step."""
    bounds = {"low": start, "high": high, "most": CHUNK}
    found = await queries.find_first_unsettled(c, destination=destination, **bounds)
    return cast("UUID", found["id"] if found else await queries.find_id_after(c, **bounds) or high)


async def recent_percentiles(c: Connection) -> dict[tuple[int, str], tuple[float, float]]:
    """Return p50 and p99 of the last five minutes in seconds, by destination and hop."""
    rows = await queries.read_recent_percentiles(c, seconds=RECENT_SECONDS)
    return {(row["destination"], row["hop"]): (seconds_of(row["p50"]), seconds_of(row["p99"])) for row in rows}


async def hop_history(c: Connection, since: datetime) -> list[Mapping[str, Any]]:
    """Read histograms per five minutes: at, kind ('duo' or 'las'), hop ('transport' or 'processing'), buckets."""
    return list(await queries.sum_hop_history(c, since=since))


async def all_hops(c: Connection) -> dict[tuple[int, str], tuple[Sequence[int], float]]:
    """Read the histograms of all time: buckets and seconds by destination and hop."""
    rows = await queries.sum_all_hops(c)
    return {(row["destination"], row["hop"]): (row["buckets"], row["seconds"]) for row in rows}


async def counters(c: Connection) -> dict[tuple[str, int, str], int]:
    """Read the counters by name, destination and label."""
    return {(row["name"], row["destination"], row["label"]): row["n"] for row in await queries.sum_counters(c)}


async def database_clock(c: Connection) -> datetime:
    """Return the time of the database."""
    return cast("datetime", await queries.read_database_clock(c))


async def allow_table_scans(c: Connection) -> None:
    """Allow the planner of PostgreSQL to scan whole tables in this transaction."""
    await queries.allow_table_scans(c)


_SAME: Final = (
    "id", "name", "kind", "topic", "supplier_oin", "system_code", "has_receiver", "subscription_id", "url",
    "circuit_since", "circuit_error", "pace", "slow_error", "paused_until", "held_from", "held_until",
    "objective_version",
)  # fmt: skip
"""The columns that a view has by the same name."""


def _destination(row: Mapping[str, Any]) -> DestinationView:
    return DestinationView(
        **{name: row[name] for name in _SAME},
        services=tuple(row["services"]),
        state=DestinationState(row["state"]),
        is_held_by_operator=row["held"],
        circuit=CircuitState(row["circuit"]),
        circuit_is_misconfigured=row["circuit_cause"] == "misconfigured",
        objective=read_objective(row),
        shown_as=_shown_as(row),
    )


def _shown_as(row: Mapping[str, Any]) -> str:
    services = ", ".join(row["service_names"])
    return services if row["kind"] == "duo" else ", ".join(filter(None, (row["system_name"], services)))
