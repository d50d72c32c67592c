"""What recovering reads and writes: events that the log and the database do not both have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hub.store.json_rows import json_of
from hub.store.published_events import log_row
from hub.store.register import EventRow, event_row, mandate_of, mandate_row
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.domain.mandate import Mandate
    from hub.envelopes import LogRow
    from hub.store.pool import Connection

    Key = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNumber:
    """What is here under a school's number: an event, or none; and which number the school has reached."""

    id: UUID | None
    counter: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalEvent:
    """An event that is here under a number which the log gave to another one."""

    row: EventRow
    service_code: str
    is_unpublished: bool
    is_planned: bool


@dataclass(slots=True)
class PublishedPosition:
    """A published event's position in the log."""

    position: int
    brin: str
    number: int
    published_at: datetime


@dataclass(slots=True)
class RecoveredRows:
    """What recovering writes of the register: mandates as they were, with their units as JSON, and events."""

    mandates: list[tuple[Mandate, str]] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)


async def known(c: Connection, keys: Sequence[Key]) -> dict[Key, StoredNumber]:
    """Look up events by school and number."""
    rows = await queries.read_events_at(c, brins=[key[0] for key in keys], numbers=[key[1] for key in keys])
    return {keys[row["o"] - 1]: StoredNumber(id=row["id"], counter=row["counter"]) for row in rows}


async def outbox_ids(c: Connection) -> dict[Key, UUID]:
    """Read what is to be published, with the ids of the events."""
    return {(row["brin"], row["number"]): row["id"] for row in await queries.read_outbox_ids(c)}


async def local_events(c: Connection, since: Mapping[str, int]) -> list[LocalEvent]:
    """Read what schools recorded under these numbers and later ones."""
    rows = await queries.read_unpublished_since(c, brins=list(since), numbers=list(since.values()))
    return [
        LocalEvent(
            row=EventRow(**{name: row[name] for name in EventRow._fields}),
            service_code=row["service_code"],
            is_unpublished=row["is_unpublished"],
            is_planned=row["is_planned"],
        )
        for row in rows
    ]


async def lock_planning(c: Connection, brins: Iterable[str]) -> None:
    """Keep the planner from schools, in key order, until the transaction ends."""
    await queries.lock_planning(c, brins=sorted(brins))


async def mandates(c: Connection, ids: Collection[UUID]) -> dict[UUID, Mandate]:
    """Read mandates, whatever their state."""
    return {row["id"]: mandate_of(row) for row in await queries.read_mandates_by_id(c, ids=list(ids))}


async def renumber(c: Connection, moved: Sequence[tuple[LocalEvent, int]]) -> None:
    """Give unpublished events other numbers; what is under those must be written after this."""
    rows = [event.row for event, _ in moved]
    brins, befores = [row.brin for row in rows], [row.number for row in rows]
    await queries.delete_events(c, brins=brins, numbers=befores)
    await queries.renumber_event_outbox(c, brins=brins, befores=befores, afters=[number for _, number in moved])


async def write(c: Connection, recalled: RecoveredRows) -> None:
    """Write mandates as they were, their routing, and events."""
    mandates_, routes = recalled.mandates, [(m.id, *route) for m, _ in recalled.mandates for route in m.routes.items()]
    await queries.write_recovered_mandates(c, mandates=json_of([mandate_row(*each) for each in mandates_]))
    await queries.write_recovered_routes(
        c,
        mandates=[m.id for m, _ in mandates_],
        ids=[route[0] for route in routes],
        branches=[route[1] for route in routes],
        routing_ids=[route[2] for route in routes],
    )
    await write_events(c, recalled.events)


async def write_events(c: Connection, rows: Sequence[EventRow]) -> None:
    """Write events, and raise the counters of their schools."""
    await queries.write_recovered_events(c, events=json_of([event_row(row) for row in rows]))
    counters: dict[str, int] = {}
    for row in rows:
        counters[row.brin] = max(row.number, counters.get(row.brin, 0))
    await queries.raise_counters(c, brins=list(counters), counters=list(counters.values()))


async def write_positions(c: Connection, published: Sequence[PublishedPosition]) -> None:
    """Give published events their positions."""
    await queries.write_positions(
        c,
        positions=[position.position for position in published],
        brins=[position.brin for position in published],
        numbers=[position.number for position in published],
        published_ats=[position.published_at for position in published],
    )


async def leave_out(c: Connection, numbers: Mapping[str, int], positions: int) -> None:
    """Note how many numbers of schools, and positions of the log, belong to what is not kept any more."""
    await queries.add_archived(c, brins=list(numbers), ns=list(numbers.values()), positions=positions)


async def published(c: Connection, after: int, most: int) -> list[tuple[int, LogRow]]:
    """Read published events after a position, in order."""
    return [
        (
            row["position"],
            log_row(row, previous=None if row["previous"] == row["number"] - 1 else row["previous"]),
        )
        for row in await queries.read_published_events(c, after=after, most=most)
    ]
