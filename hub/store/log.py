"""The published log: what the relay takes off, and the positions it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import orjson

from hub.domain.kinds import Kind
from hub.envelopes import LogRow, Subject
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hub.envelopes import Change
    from hub.store.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """An event that is to be published: the `n`th errand."""

    n: int
    event: LogRow


async def read_todo(c: Connection, most: int) -> list[Errand]:
    """Read the next events to publish; those of a school in the order of their numbers."""
    return [
        Errand(
            n=row["n"],
            event=LogRow(
                id=row["id"],
                brin=row["brin"],
                number=row["number"],
                kind=Kind(row["kind"]),
                recorded_at=row["recorded_at"],
                mandate_id=row["mandate_id"],
                body=row["body"],
                traceparent=row["traceparent"],
            ),
        )
        for row in await queries.read_todo(c, most=most)
    ]


async def last_position(c: Connection) -> int:
    """Say where the log ends; 0 when it is empty."""
    return cast("int", await queries.last_position(c))


async def take_off(c: Connection, errands: Sequence[Errand], after: int, at: datetime) -> None:
    """Give published events the positions that follow `after`, and forget the errands."""
    await queries.take_off_todo(
        c,
        ns=[e.n for e in errands],
        positions=list(range(after + 1, after + 1 + len(errands))),
        brins=[e.event.brin for e in errands],
        numbers=[e.event.number for e in errands],
        at=at,
    )


async def read_changes(c: Connection, most: int) -> dict[int, list[Change]]:
    """Read the next rows of the outbox: changes by the number of their row."""
    rows = await queries.read_changes(c, most=most)
    return {row["n"]: [cast("Change", tuple(item)) for item in orjson.loads(row["items"])] for row in rows}


async def subjects(c: Connection, changes: Sequence[Change]) -> dict[tuple[int, str, int], Subject]:
    """Find what changes are about, by the delivery's key."""
    rows: Sequence[Mapping[str, Any]] = await queries.expand_changes(
        c,
        destinations=[x[0] for x in changes],
        brins=[x[1] for x in changes],
        sequences=[x[2] for x in changes],
    )
    return {
        (row["destination"], row["brin"], row["sequence"]): Subject(
            delivery_id=row["id"],
            event_id=row["event_id"],
            destination=row["destination_name"],
            branch=row["branch"],
            mandate_id=row["mandate_id"],
            mandate_version=row["mandate_version"],
        )
        for row in rows
    }


async def drop_changes(c: Connection, rows: Sequence[int]) -> None:
    """Forget outbox rows that were published."""
    await queries.drop_changes(c, ns=list(rows))
