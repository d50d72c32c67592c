"""What DUO's broker took and may not have any more, as the ledger has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.domain.delivery import Status
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from hub.store.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A queue of DUO."""

    id: int
    name: str
    topic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message of a queue, where its broker put it, and how it stands."""

    brin: str
    sequence: int
    id: UUID
    branch: str
    mandate_id: UUID
    status: Status
    partition: int | None
    offset: int | None

    @property
    def unit(self) -> tuple[str, UUID, str]:
        """What it speaks of."""
        return self.brin, self.mandate_id, self.branch


async def queues(c: Connection) -> list[Queue]:
    """Read DUO's queues."""
    return [Queue(id=row["id"], name=row["name"], topic=row["topic"]) for row in await queries.read_queues(c)]


async def unreported(c: Connection, queue: Queue, floors: Mapping[int, int], since: datetime) -> list[Sent]:
    """Read the open part of each lane with a message at or above the floor of its partition, taken after `since`."""
    rows = await queries.find_unreported(
        c, destination=queue.id, partitions=list(floors), floors=list(floors.values()), since=since
    )
    return [
        Sent(
            brin=row["brin"],
            sequence=row["sequence"],
            id=row["id"],
            branch=row["branch"],
            mandate_id=row["mandate_id"],
            status=Status(row["status"]),
            partition=row["kafka_partition"],
            offset=row["kafka_offset"],
        )
        for row in rows
    ]
