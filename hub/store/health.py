"""What processes write of their progress, and what waits. In: rows. Out: values that `hub.domain.health` judges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from hub.domain.health import Backlog, LoopReport, ProcessReport, UnreadTopic
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from hub.store.pool import Connection

PREFIX: Final = "osr-hub."
"""What the hub's consumer groups are called, before their role."""


async def beating(c: Connection) -> list[ProcessReport]:
    """Return the processes that beat, with their loops as they are now."""
    return [_process(row) for row in await queries.read_beating_processes(c)]


async def backlog(c: Connection) -> Backlog:
    """Return for how long the oldest waits that nobody published, planned, leased or read."""
    row = await queries.read_backlog(c)
    now: datetime = row["now"]
    unplanned = await queries.read_oldest_unplanned(c)
    return Backlog(
        unpublished=_oldest(now, row["event_at"], row["change_at"]),
        unplanned=_oldest(now, unplanned),
        due=_oldest(now, row["due_at"]),
        unread=await unread(c),
    )


async def unread(c: Connection) -> Sequence[UnreadTopic]:
    """Return what consumer groups have not read of topics."""
    return [
        UnreadTopic(
            role=row["consumer_group"].removeprefix(PREFIX),
            topic=row["topic"],
            records=row["records"],
            oldest_seconds=row["oldest_seconds"],
        )
        for row in await queries.read_unread_topics(c)
    ]


async def write_unread(c: Connection, group: str, topic: str, records: int, oldest_seconds: float | None) -> None:
    """Write what a consumer group has not read of a topic, and the age of the oldest of it."""
    await queries.write_unread_topic(
        c, consumer_group=group, topic=topic, records=records, oldest_seconds=oldest_seconds
    )


def _oldest(now: datetime, *moments: datetime | None) -> float | None:
    found = [moment for moment in moments if moment is not None and moment <= now]
    return (now - min(found)).total_seconds() if found else None


def _process(row: Mapping[str, Any]) -> ProcessReport:
    loops = [
        LoopReport(name=name, moved=moved, turned=turned, worked=worked, error=error).aged(row["silent"])
        for name, moved, turned, worked, error in orjson.loads(row["loops"])
    ]
    return ProcessReport(role=row["role"], host=row["host"], pid=row["pid"], version=row["version"], loops=loops)
