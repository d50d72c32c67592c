"""Consistency of the ledger. In: one snapshot. Out: sums, and the rows that break a rule.

The sums are computed from independent sources: lanes, deliveries and counters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from hub.domain.delivery import Status
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from uuid import UUID

    from hub.store.pool import Connection
    from hub.store.tallies import Tally

MAX_ROWS: Final = 500
"""The most rows shown per rule."""
BLOCKS_AT_ONCE: Final = 4096
"""32 MB of deliveries: some 60,000."""
DEAD_AFTER_SECONDS: Final = 10.0
RESTORE: Final = "somebody changed rows by hand: bring them back from a backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRow:
    """A row that breaks a rule: where it is and what is wrong."""

    destination: int | None = None
    brin: str | None = None
    delivery_id: UUID | None = None
    detail: str


Row: TypeAlias = "Mapping[str, Any]"


async def count_events(c: Connection) -> int:
    """Return the number of events."""
    return cast("int", await queries.count_events(c))


async def count_deliveries(c: Connection) -> dict[Tally, int]:
    """Return the number of deliveries per status, counted row by row."""
    rows = await queries.count_deliveries(c)
    return {(row["destination"], Status(row["status"]), row["expects_report"]): row["n"] for row in rows}


async def count_planned(c: Connection) -> dict[int, tuple[int, int]]:
    """Return per destination how many deliveries were planned, and how many of them retention deleted."""
    return {row["destination"]: (row["planned"], row["archived"]) for row in await queries.count_planned(c)}


async def find_broken_sequences(c: Connection) -> list[BrokenRow]:
    """Find numbers that are not contiguous: of lanes, of events, of published positions."""
    return [
        *[_lane_detail(row) for row in await queries.find_unbalanced_lanes(c, most=MAX_ROWS)],
        *[_school_detail(row) for row in await queries.find_broken_event_numbers(c, most=MAX_ROWS)],
        *[
            broken_row(
                row,
                f"the school is planned through {row['planned_through']} and has deliveries of event {row['number']}; "
                f"set planned_through to {row['number']} before the planner tells them again",
            )
            for row in await queries.find_planned_ahead(c, most=MAX_ROWS)
        ],
        *await _broken_log(c),
    ]


async def _broken_log(c: Connection) -> list[BrokenRow]:
    return [
        *[
            broken_row(
                row, f"the published log holds {row['n']} events at positions {row['low']} to {row['high']}; {RESTORE}"
            )
            for row in await queries.find_broken_positions(c)
        ],
        *[
            broken_row(
                row,
                f"event {row['number']} is {row['published']} times on the published log and {row['waiting']} times "
                "waiting to be; it must be once: a row of event_outbox publishes it, a second position is taken away",
            )
            for row in await queries.find_misplaced_events(c, most=MAX_ROWS)
        ],
        *[
            broken_row(row, f"event {row['number']} is {_where(row)} and was never recorded; {RESTORE}")
            for row in await queries.find_positions_without_event(c, most=MAX_ROWS)
        ],
    ]


class Portions:
    """The table of deliveries in parts that are read one after the other; `read` is called after each.

    A statement over a part looks up what it compares, so it needs no memory for the whole of another table.
    """

    def __init__(self, blocks: int, read: Callable[[], None]) -> None:
        self._starts = range(0, max(blocks, 1), BLOCKS_AT_ONCE)
        self._read = read

    def __len__(self) -> int:
        return len(self._starts)

    async def find(self, c: Connection, statement: Callable[..., Awaitable[list[Row]]]) -> list[Row]:
        """Return the rows of a statement over all parts, at most `MAX_ROWS`."""
        found: list[Row] = []
        for first in self._starts:
            if len(found) < MAX_ROWS:
                found += await statement(c, first=first, blocks=BLOCKS_AT_ONCE, most=MAX_ROWS - len(found))
            self._read()
        return found


async def make_portions(c: Connection, read: Callable[[], None]) -> Portions:
    """Divide the table of deliveries as this snapshot has it."""
    return Portions(cast("int", await queries.count_delivery_blocks(c)), read)


async def find_planned_twice(c: Connection, portions: Portions) -> list[BrokenRow]:
    """Find what was planned more often than its event asks for, or about units that its event does not have."""
    return [
        *[
            broken_row(
                row,
                f"event {row['event_number']}, unit {row['branch']!r}, was planned {row['n']} times; cancel what waits "
                "and should not go",
            )
            for row in await queries.find_planned_twice(c, most=MAX_ROWS)
        ],
        *[
            broken_row(row, f"{row['n']} deliveries have this id, and receivers drop all but one; {RESTORE}")
            for row in await queries.find_duplicate_ids(c, most=MAX_ROWS)
        ],
        *[
            broken_row(
                row,
                f"number {row['sequence']} tells unit {row['branch']!r} of event {row['event_number']}, "
                f"which does not speak of it here, not so, or not under this id; {RESTORE}",
            )
            for row in await portions.find(c, queries.find_deliveries_without_event)
        ],
    ]


async def find_unplanned(c: Connection) -> list[BrokenRow]:
    """Find units of planned events that have no delivery."""
    return [
        broken_row(
            row,
            f"event {row['number']} says {row['type']} of unit {row['branch']!r}, and nothing was planned; bring the "
            "row back from a backup, or replay the mandate so that its current state is told",
        )
        for row in await queries.find_unplanned_units(c, most=MAX_ROWS)
    ]


def _lane_detail(row: Row) -> BrokenRow:
    if row["tail"] is None:
        return broken_row(row, f"{row['n']} deliveries belong to no lane; {RESTORE}")
    held = f"{row['n']} rows, numbered {row['low']} to {row['high']}" if row["n"] else "no rows"
    archived = f", {row['archived']} are archived" if row["archived"] else ""
    return broken_row(row, f"the lane is planned through {row['tail']} and holds {held}{archived}; {RESTORE}")


def _school_detail(row: Row) -> BrokenRow:
    if row["counter"] is None:
        return broken_row(row, f"{row['n']} events belong to no school; {RESTORE}")
    held = f"{row['n']} events, numbered {row['low']} to {row['high']}" if row["n"] else "no events"
    return broken_row(
        row,
        f"the school counts {row['counter']} events, {row['archived_events']} of them archived, holds {held}, "
        f"and is planned through {row['planned_through']}; {RESTORE}",
    )


def _where(row: Row) -> str:
    return "waiting to be published" if row["position"] is None else f"at position {row['position']} of the log"


def broken_row(row: Row, detail: str) -> BrokenRow:
    """Return what is wrong with the row that a violation names."""
    return BrokenRow(
        destination=_of(row, "destination"), brin=_of(row, "brin"), delivery_id=_of(row, "id"), detail=detail
    )


def _of(row: Row, name: str) -> Any:  # noqa: ANN401 - a column of a row
    return row.get(name)


async def find_stranded(c: Connection) -> list[BrokenRow]:
    """Find lanes and destinations that no forwarder will serve again."""
    return [
        *[
            broken_row(row, _stranded(row))
            for row in await queries.find_stranded_lanes(c, most=MAX_ROWS, patience=DEAD_AFTER_SECONDS)
        ],
        *[
            broken_row(
                row,
                f"the circuit is {row['circuit']} and no probe will come; "
                "set probe_at of this destination to now, and the next probe decides",
            )
            for row in await queries.find_stuck_circuits(c, most=MAX_ROWS)
        ],
    ]


def _stranded(row: Row) -> str:
    stands = f"settled through {row['head']} of {row['tail']}, "
    if row["due"] is not None:
        return f"{stands}due at {row['due']:%Y-%m-%d}, which no schedule asks for; hold and release it to wake it"
    if row["owner"] is None:
        return f"{stands}not due, and nobody has it; a running forwarder repairs it in seconds: see that one runs"
    return (
        f"{stands}not due, and its owner, process {row['owner']}, is gone; see that a forwarder runs: it takes it over"
    )


async def find_misplaced(c: Connection, portions: Portions) -> list[BrokenRow]:
    """Find deliveries whose status contradicts their lane, and lanes that contradict themselves."""
    return [
        *[
            broken_row(row, "; ".join(_misplaced(row)))
            for row in await portions.find(c, queries.find_misplaced_deliveries)
        ],
        *[broken_row(row, _misreported(row)) for row in await queries.find_misreported_deliveries(c, most=MAX_ROWS)],
        *[
            broken_row(
                row,
                f"the lane says head {row['head']}, tail {row['tail']}, sent {row['sent']}, closed {row['closed']}, "
                f"and the last number that was sent is {row['last']}; {RESTORE}",
            )
            for row in await queries.find_misplaced_lanes(c, most=MAX_ROWS)
        ],
    ]


def _misplaced(row: Row) -> Iterator[str]:
    expects = "a report" if row["expects_report"] else "no report"
    reported = "was reported on" if row["is_reported"] else "was never reported on"
    lane = "missing" if row["head"] is None else f"settled through {row['head']}, closed {row['closed']}"
    yield f"number {row['sequence']} is {row['status']}, expects {expects}, {reported}, and its lane is {lane}"
    yield RESTORE


def _misreported(row: Row) -> str:
    if row["id"] is None:
        return f"a report speaks of number {row['sequence']}, which is not there; {RESTORE}"
    return f"number {row['sequence']} is {row['status']}, and the newest report on it said {row['said']}; {RESTORE}"
