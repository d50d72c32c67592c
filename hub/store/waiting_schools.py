"""Schools that wait for a destination, and what it answered last. In: a destination. Out: rows for its page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from hub.store.statements import queries

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from hub.store.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingSchool:
    """A school with deliveries that wait, and the first of them."""

    brin: str
    name: str
    waiting: int
    is_held: bool
    due: datetime | None
    first_id: UUID
    waits_since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAnswer:
    """How an attempt failed, with the receiver's own words where it wrote any."""

    delivery_id: UUID
    brin: str
    at: datetime
    number: int
    outcome: str
    http_status: int | None
    duration_ms: int
    error: str | None
    answer: str | None


async def list_schools(c: Connection, destination: int, after: str, most: int) -> list[WaitingSchool]:
    """List the schools behind a BRIN that wait for a destination."""
    rows = await queries.list_waiting_schools(c, destination=destination, after=after, most=most)
    return [WaitingSchool(**row) for row in rows]


async def last_answers(c: Connection, destination: int, most: int) -> list[FailedAnswer]:
    """Return the newest failures of deliveries that wait for a destination."""
    return [FailedAnswer(**row) for row in await queries.read_last_answers(c, destination=destination, most=most)]


async def next_attempt(c: Connection, destination: int) -> datetime | None:
    """Return when a destination is sent to next; None when nothing waits to be sent."""
    return cast("datetime | None", await queries.read_next_attempt(c, destination=destination))
