"""Delete what is too old, some at a time. In: a moment, and where to go on. Out: the number deleted.

The caller owns the transaction of each step; what a step left for the next run is found again by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from hub.domain.delivery import Status
from hub.domain.keys import LaneKey
from hub.store import audit, register, reports, tallies
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from hub.store.pool import Connection
    from hub.store.tallies import Tally

FIRST_LANE: Final = LaneKey(0, "")
Removed: TypeAlias = "dict[str, list[str]]"
"""Deleted rows as JSON texts, by kind; empty unless they were asked for."""


async def page_of_lanes(
    c: Connection, after: LaneKey, before: datetime, most: int
) -> tuple[list[LaneKey], list[LaneKey]]:
    """Read the next lanes, and which of them may hold messages that are too old."""
    rows = await queries.read_lane_page(c, destination=after.destination, brin=after.brin, before=before, most=most)
    keys = [(LaneKey(row["destination"], row["brin"]), row["is_old"]) for row in rows]
    return [key for key, _ in keys], [key for key, is_old in keys if is_old]


async def thin_lanes(
    c: Connection, lanes: list[LaneKey], before: datetime, day: date, *, archive: bool = False
) -> tuple[int, Removed]:
    """Delete messages older than `before` from lanes, except those that a mandate not over on `day` needs."""
    if not lanes:
        return 0, {}
    await reports.lock_lanes(c, lanes)
    rows = await queries.delete_old_deliveries(c, **_columns(lanes), before=before, day=day, archive=archive)
    gone: dict[Tally, int] = {
        (row["destination"], Status(row["status"]), row["expects_report"]): -row["n"] for row in rows
    }
    await tallies.add(c, 0, gone)
    return -sum(gone.values()), _removed(rows, "deliveries", "attempts", "reports")


async def drop_attempts(
    c: Connection, lanes: list[LaneKey], before: datetime, *, archive: bool = False
) -> tuple[int, Removed]:
    """Delete failed attempts of settled deliveries."""
    row = await queries.delete_old_attempts(c, **_columns(lanes), before=before, archive=archive)
    return row["n"], _removed([row], "attempts")


async def drop_reports(
    c: Connection, lanes: list[LaneKey], before: datetime, *, archive: bool = False
) -> tuple[int, Removed]:
    """Delete reports with their signals."""
    row = await queries.delete_old_reports(c, **_columns(lanes), before=before, archive=archive)
    return row["n"], _removed([row], "reports")


async def empty_parked(c: Connection, before: datetime, most: int) -> int:
    """Delete the bytes of parked records."""
    return cast("int", await queries.clear_old_parked(c, before=before, most=most))


async def drop_parked(c: Connection, before: datetime, most: int) -> int:
    """Delete parked records that were retried or discarded."""
    return cast("int", await queries.delete_old_parked(c, before=before, most=most))


async def drop_acts(c: Connection, before: datetime, most: int) -> int:
    """Delete bulk jobs that ended, or that were never approved."""
    return cast("int", await queries.delete_old_bulk_jobs(c, before=before, most=most))


async def drop_notices(c: Connection, before: datetime, most: int) -> int:
    """Delete notices to suppliers whose cause is over."""
    return cast("int", await queries.delete_old_notices(c, before=before, most=most))


async def page_of_over_mandates(c: Connection, after: UUID, day: date, most: int) -> dict[UUID, str]:
    """Read the next mandates that were over before a day, with their schools."""
    rows = await queries.read_ended_mandate_page(c, after=after, day=day, most=most)
    return {row["id"]: row["brin"] for row in rows}


async def drop_mandates(
    c: Connection, mandates: dict[UUID, str], day: date, *, whatever_was_told: bool, archive: bool = False
) -> tuple[int, int, Removed]:
    """Delete mandates and their events, except those of a message that is kept; return the number of each."""
    await register.lock_schools(c, mandates.values())
    row = await queries.delete_mandates(
        c, ids=list(mandates), day=day, whatever_was_told=whatever_was_told, archive=archive
    )
    return row["n"], row["n_events"], _removed([row], "mandates", "events", "routes")


async def page_of_chains(c: Connection, after: str | None, before: datetime, most: int) -> list[str]:
    """Read the next chains of the audit that begin too early."""
    return [row["chain"] for row in await queries.read_chain_page(c, after=after, before=before, most=most)]


async def thin_chains(
    c: Connection, chains: list[str], before: datetime, *, archive: bool = False
) -> tuple[int, Removed]:
    """Delete old entries from the beginning of chains."""
    await audit.lock_heads(c, chains)
    row = await queries.delete_old_audit(c, chains=chains, before=before, archive=archive)
    return row["n"], _removed([row], "notes")


async def drop_people(c: Connection, before: datetime) -> int:
    """Delete people whose pseudonyms are in no entry."""
    return cast("int", await queries.delete_old_people(c, before=before))


def _removed(rows: Sequence[Mapping[str, Any]], *kinds: str) -> Removed:
    return {kind: [text for row in rows for text in row[kind] or ()] for kind in kinds}


def _columns(lanes: list[LaneKey]) -> dict[str, list[int] | list[str]]:
    return {"destinations": [key.destination for key in lanes], "brins": [key.brin for key in lanes]}
