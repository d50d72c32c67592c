"""Tallies: how many deliveries there are in each status. In: the moves of a transaction. Out: sums, without counting.

Each process adds to rows of its own, so that two never wait for each other; the sum over processes is the number.
Process 0 stands for all without a row in `processes`: commands, and the API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from hub.domain.delivery import Status
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from hub.envelopes import StatusChange
    from hub.store.pool import Connection

Tally: TypeAlias = tuple[int, Status, bool]
"""A destination, a status, and whether a report is expected."""


async def add(c: Connection, process: int, deltas: Mapping[Tally, int]) -> None:
    """Add to this process's rows, in key order, in the transaction of the moves."""
    if any(deltas.values()):
        await queries.add_tallies(c, process=process, **columns(deltas))


async def write_moves(
    c: Connection, process: int, deltas: Mapping[Tally, int], changes: Collection[StatusChange]
) -> None:
    """Add to this process's tallies, and put status changes into the outbox, each as a JSON list."""
    await queries.write_moves(c, process=process, **columns(deltas), items=written(changes))


def written(changes: Collection[StatusChange]) -> str | None:
    """Return status changes as they stand in a row of the outbox; None for none."""
    return orjson.dumps([tuple(change) for change in changes]).decode() if changes else None


def columns(deltas: Mapping[Tally, int]) -> dict[str, list[Any]]:
    """Return what is added to a process's rows, as the columns of a statement, in key order."""
    keys = sorted(key for key, n in deltas.items() if n)
    return {
        "destinations": [destination for destination, _, _ in keys],
        "statuses": [status for _, status, _ in keys],
        "expects": [expects for _, _, expects in keys],
        "ns": [deltas[key] for key in keys],
    }


async def totals(c: Connection) -> dict[Tally, int]:
    """Return the sums over all processes."""
    return {
        (row["destination"], Status(row["status"]), row["expects_report"]): row["n"]
        for row in await queries.sum_tallies(c)
    }
