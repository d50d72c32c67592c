"""What is not where it belongs: lanes nobody will send, statuses that cannot be. In: one snapshot. Out: the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.store.books import MAX_ROWS, RESTORE, BrokenRow, broken_row
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.store.books import Row
    from hub.store.pool import Connection

DEAD_AFTER_SECONDS: Final = 10.0


async def find_stranded(c: Connection) -> list[BrokenRow]:
    """Find lanes and destinations that would wait for ever."""
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


async def find_misplaced(c: Connection) -> list[BrokenRow]:
    """Find statuses that cannot be where they are, and lanes that contradict themselves."""
    return [
        *[
            broken_row(row, "; ".join(_misplaced(row)))
            for row in await queries.find_misplaced_deliveries(c, most=MAX_ROWS)
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
