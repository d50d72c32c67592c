"""The books as Postgres holds them. In: one snapshot. Out: sums, and the rows that break a rule.

Sums come from sides that do not know of each other: lanes, rows, counters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from hub.domain.delivery import Status
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from hub.store.pool import Connection
    from hub.store.tallies import Tally

MOST: Final = 500
"""So many rows of each rule are shown; whoever has more has enough to look at."""
RESTORE: Final = "somebody changed rows by hand: bring them back from a backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A row that breaks a rule: where, and what is wrong with it."""

    destination: int | None = None
    brin: str | None = None
    delivery_id: UUID | None = None
    detail: str


Row: TypeAlias = "Mapping[str, Any]"


async def events(c: Connection) -> int:
    """Count the events."""
    return cast("int", await queries.count_events(c))


async def counted(c: Connection) -> dict[Tally, int]:
    """Count the deliveries row by row."""
    rows = await queries.count_deliveries(c)
    return {(row["destination"], Status(row["status"]), row["expects_report"]): row["n"] for row in rows}


async def planned(c: Connection) -> dict[int, tuple[int, int]]:
    """Sum the tails of each destination's lanes, and how much of that is not kept any more."""
    return {row["destination"]: (row["planned"], row["archived"]) for row in await queries.count_planned(c)}


async def broken_sequences(c: Connection) -> list[Broken]:
    """Find numbers that are not contiguous: of lanes, of schools' events, of the published log."""
    return [
        *[_lane(row) for row in await queries.unbalanced_lanes(c, most=MOST)],
        *[_school(row) for row in await queries.broken_school_numbers(c, most=MOST)],
        *[
            about(
                row,
                f"the school is planned through {row['planned_through']} and has deliveries of event {row['number']}; "
                f"set planned_through to {row['number']} before the planner tells them again",
            )
            for row in await queries.planned_ahead(c, most=MOST)
        ],
        *await _broken_log(c),
    ]


async def _broken_log(c: Connection) -> list[Broken]:
    return [
        *[
            about(
                row, f"the published log holds {row['n']} events at positions {row['low']} to {row['high']}; {RESTORE}"
            )
            for row in await queries.broken_feed(c)
        ],
        *[
            about(
                row,
                f"event {row['number']} is {row['published']} times on the published log and {row['waiting']} times "
                "waiting to be; it must be once: an errand in todo publishes it, a second position is taken away",
            )
            for row in await queries.misplaced_events(c, most=MOST)
        ],
        *[
            about(row, f"event {row['number']} is {_where(row)} and was never recorded; {RESTORE}")
            for row in await queries.published_for_nothing(c, most=MOST)
        ],
    ]


async def planned_twice(c: Connection) -> list[Broken]:
    """Find what was planned more often than its event asks for, or told of what its event does not say."""
    return [
        *[
            about(
                row,
                f"event {row['event_number']}, unit {row['branch']!r}, was planned {row['n']} times; cancel what waits "
                "and should not go",
            )
            for row in await queries.planned_twice(c, most=MOST)
        ],
        *[
            about(row, f"{row['n']} deliveries have this id, and receivers drop all but one; {RESTORE}")
            for row in await queries.doubled_ids(c, most=MOST)
        ],
        *[
            about(
                row,
                f"number {row['sequence']} tells unit {row['branch']!r} of event {row['event_number']}, "
                f"which does not speak of it here, not so, or not under this id; {RESTORE}",
            )
            for row in await queries.planned_for_nothing(c, most=MOST)
        ],
    ]


async def unplanned(c: Connection) -> list[Broken]:
    """Find units of planned events that nobody was told."""
    return [
        about(
            row,
            f"event {row['number']} says {row['type']} of unit {row['branch']!r}, and nothing was planned; bring the "
            "row back from a backup, or replay the mandate so that its current state is told",
        )
        for row in await queries.unplanned_units(c, most=MOST)
    ]


def _lane(row: Row) -> Broken:
    if row["tail"] is None:
        return about(row, f"{row['n']} deliveries belong to no lane; {RESTORE}")
    held = f"{row['n']} rows, numbered {row['low']} to {row['high']}" if row["n"] else "no rows"
    archived = f", {row['archived']} are archived" if row["archived"] else ""
    return about(row, f"the lane is planned through {row['tail']} and holds {held}{archived}; {RESTORE}")


def _school(row: Row) -> Broken:
    if row["counter"] is None:
        return about(row, f"{row['n']} events belong to no school; {RESTORE}")
    held = f"{row['n']} events, numbered {row['low']} to {row['high']}" if row["n"] else "no events"
    return about(
        row,
        f"the school counts {row['counter']} events, {row['forgotten']} of them forgotten, holds {held}, "
        f"and is planned through {row['planned_through']}; {RESTORE}",
    )


def _where(row: Row) -> str:
    return "waiting to be published" if row["position"] is None else f"at position {row['position']} of the log"


def about(row: Row, detail: str) -> Broken:
    """Say what is wrong with what a row names."""
    return Broken(destination=_of(row, "destination"), brin=_of(row, "brin"), delivery_id=_of(row, "id"), detail=detail)


def _of(row: Row, name: str) -> Any:  # noqa: ANN401 - a column of a row
    return row.get(name)
