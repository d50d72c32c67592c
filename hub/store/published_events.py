"""The published log: the outbox that the relay empties, and the positions that it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import orjson

from hub.domain.keys import DeliveryKey
from hub.domain.kinds import KINDS
from hub.envelopes import ChangeSubject, LogRow, StatusChange
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hub.store.pool import Connection

KEY_COLUMNS: Final = len(DeliveryKey._fields)


class OutboxEntry(NamedTuple):
    """An event that is to be published: `outbox_id` is its row."""

    outbox_id: int
    event: LogRow


async def read_outbox(c: Connection, most: int) -> list[OutboxEntry]:
    """Read the next events to publish; those of a school in the order of their numbers."""
    return [
        OutboxEntry(
            outbox_id=row["outbox_id"],
            event=log_row(row),
        )
        for row in await queries.read_event_outbox(c, most=most)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedEvent:
    """An event that the broker did not take, and why."""

    brin: str
    number: int
    because: str


async def refuse(c: Connection, reasons: Mapping[int, str], at: datetime) -> None:
    """Set events aside, by the rows of the outbox, that cannot be published; their schools wait."""
    await queries.refuse_events(c, ids=list(reasons), reasons=list(reasons.values()), at=at)


async def retry_refused(c: Connection, before: datetime, most: int) -> None:
    """Let events be published again that were refused before a moment, at most so many."""
    await queries.retry_refused_events(c, before=before, most=most)


async def read_refused(c: Connection, most: int) -> list[RefusedEvent]:
    """Return events that were refused; the later ones of their schools wait."""
    rows = await queries.read_refused_events(c, most=most)
    return [RefusedEvent(brin=row["brin"], number=row["number"], because=row["refused_because"]) for row in rows]


async def last_position(c: Connection) -> int:
    """Return the last position of the log; 0 when it is empty."""
    return cast("int", await queries.read_last_position(c))


async def mark_published(c: Connection, entries: Sequence[OutboxEntry], after: int, at: datetime) -> None:
    """Give published events the positions that follow `after`, and delete them from the outbox."""
    await queries.move_to_published(c, ids=[e.outbox_id for e in entries], after=after, at=at)


async def read_changes(c: Connection, most: int) -> dict[int, list[StatusChange]]:
    """Read the next rows of the outbox: changes by the number of their row."""
    rows = await queries.read_change_outbox(c, most=most)
    return {row["id"]: [StatusChange(*item) for item in orjson.loads(row["items"])] for row in rows}


async def subjects(c: Connection, changes: Sequence[StatusChange]) -> dict[DeliveryKey, ChangeSubject]:
    """Find what changes are about, by the delivery's key."""
    rows = await queries.read_change_subjects(
        c,
        destinations=[x.destination for x in changes],
        brins=[x.brin for x in changes],
        sequences=[x.sequence for x in changes],
    )
    return {DeliveryKey(*row[:KEY_COLUMNS]): ChangeSubject(*row[KEY_COLUMNS:]) for row in rows}


async def delete_changes(c: Connection, rows: Sequence[int]) -> None:
    """Delete outbox rows that were published."""
    await queries.delete_changes(c, ids=list(rows))


def log_row(row: Mapping[str, Any], previous: int | None = None) -> LogRow:
    """Build an event of the published log from a row."""
    return LogRow(
        id=row["id"],
        brin=row["brin"],
        number=row["number"],
        kind=KINDS[row["kind"]],
        recorded_at=row["recorded_at"],
        mandate_id=row["mandate_id"],
        body=row["body"],
        traceparent=row["traceparent"],
        previous=previous,
    )
