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
DEAD_AFTER: Final = 10.0


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


async def planned(c: Connection) -> dict[int, int]:
    """Sum the tails of each destination's lanes."""
    return {row["destination"]: row["planned"] for row in await queries.count_planned(c)}


async def broken_sequences(c: Connection) -> list[Broken]:
    """Find numbers that are not contiguous: of lanes, of schools' events, of the published log."""
    return [
        *[_lane(row) for row in await queries.unbalanced_lanes(c, most=MOST)],
        *[_school(row) for row in await queries.broken_school_numbers(c, most=MOST)],
        *[
            Broken(detail=f"the published log holds {row['n']} events at positions {row['low']} to {row['high']}")
            for row in await queries.broken_feed(c)
        ],
        *[
            Broken(
                brin=row["brin"],
                detail=f"event {row['number']} is {row['published']} times on the published log and {row['waiting']} "
                "times waiting to be",
            )
            for row in await queries.misplaced_events(c, most=MOST)
        ],
    ]


async def planned_twice(c: Connection) -> list[Broken]:
    """Find what was planned more often than its event asks for."""
    return [
        *[
            _about(row, f"event {row['event_number']}, unit {row['branch']!r}, was planned {row['n']} times")
            for row in await queries.planned_twice(c, most=MOST)
        ],
        *[_about(row, f"{row['n']} deliveries have this id") for row in await queries.doubled_ids(c, most=MOST)],
        *[
            _about(
                row,
                f"number {row['sequence']} tells unit {row['branch']!r} of event {row['event_number']}, "
                "which does not speak of it here",
            )
            for row in await queries.planned_for_nothing(c, most=MOST)
        ],
    ]


async def unplanned(c: Connection) -> list[Broken]:
    """Find units of planned events that nobody was told."""
    return [
        _about(row, f"event {row['number']} says {row['type']} of unit {row['branch']!r}, and nothing was planned")
        for row in await queries.unplanned_units(c, most=MOST)
    ]


async def stranded(c: Connection) -> list[Broken]:
    """Find lanes that would wait for ever."""
    return [
        _about(
            row,
            f"settled through {row['head']} of {row['tail']}, not due, "
            + ("and nobody has it" if row["owner"] is None else f"and its owner, process {row['owner']}, is gone"),
        )
        for row in await queries.stranded_lanes(c, most=MOST, patience=DEAD_AFTER)
    ]


async def misplaced(c: Connection) -> list[Broken]:
    """Find statuses that cannot be where they are, and lanes that contradict themselves."""
    return [
        *[
            _about(
                row,
                f"number {row['sequence']} is {row['status']}, expects {_expects(row)}, and its lane is "
                + ("missing" if row["head"] is None else f"settled through {row['head']}, closed {row['closed']}"),
            )
            for row in await queries.misplaced_deliveries(c, most=MOST)
        ],
        *[
            _about(
                row,
                f"the lane says head {row['head']}, tail {row['tail']}, sent {row['sent']} "
                f"({row['status'] or 'no such delivery'}), closed {row['closed']}",
            )
            for row in await queries.misplaced_lanes(c, most=MOST)
        ],
    ]


def _expects(row: Row) -> str:
    return "a report" if row["expects_report"] else "no report"


def _lane(row: Row) -> Broken:
    if row["tail"] is None:
        return _about(row, f"{row['n']} deliveries belong to no lane")
    held = f"{row['n']} rows, numbered {row['low']} to {row['high']}" if row["n"] else "no rows"
    return _about(row, f"the lane is planned through {row['tail']} and holds {held}")


def _school(row: Row) -> Broken:
    if row["counter"] is None:
        return _about(row, f"{row['n']} events belong to no school")
    held = f"{row['n']} events, numbered {row['low']} to {row['high']}" if row["n"] else "no events"
    return _about(
        row, f"the school counts {row['counter']} events, holds {held}, and is planned through {row['planned_through']}"
    )


def _about(row: Row, detail: str) -> Broken:
    return Broken(destination=_of(row, "destination"), brin=_of(row, "brin"), delivery_id=_of(row, "id"), detail=detail)


def _of(row: Row, name: str) -> Any:  # noqa: ANN401 - a column of a row
    return row.get(name)
