"""Notices to suppliers: their causes, the rows, and the one that is sent next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from hub.domain.ids import new_id
from hub.domain.notice import QUIET, SECRET_AHEAD, WAITING, WAITS, RaisedCause
from hub.store.statements import queries
from schemas.kinds import NoticeCause

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.store.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice about a subscription, and what became of it."""

    id: UUID
    subscription_id: UUID
    cause: NoticeCause
    detail: str
    since: datetime
    created_at: datetime
    ended_at: datetime | None
    attempts: int
    next_at: datetime | None
    sent_at: datetime | None
    error: str | None


async def read_causes(c: Connection, now: datetime) -> list[RaisedCause]:
    """Read what suppliers should hear at this moment, except certificates."""
    rows = await queries.read_notice_causes(c, now=now, waiting_since=now - WAITING, secret_until=now + SECRET_AHEAD)
    return [RaisedCause(**{**row, "cause": NoticeCause(row["cause"])}) for row in rows]


async def sealed_certificates(c: Connection) -> dict[UUID, bytes]:
    """Read the sealed client certificate of each subscription that has one."""
    return {row["id"]: row["client_certificate"] for row in await queries.read_sealed_certificates(c)}


async def add(c: Connection, causes: Sequence[RaisedCause], now: datetime) -> int:
    """Write a notice per cause that has none; return how many."""
    if not causes:
        return 0
    rows = await queries.insert_notices(
        c,
        ids=[new_id(now) for _ in causes],
        subscriptions=[each.subscription_id for each in causes],
        causes=[each.cause.value for each in causes],
        details=[each.words() for each in causes],
        sinces=[each.since for each in causes],
        now=now,
        quiet_since=now - QUIET,
    )
    return len(rows)


async def end_others(c: Connection, causes: Sequence[RaisedCause], now: datetime) -> int:
    """End the open notices of all causes but these; return how many."""
    rows = await queries.end_notices(
        c,
        subscriptions=[each.subscription_id for each in causes],
        causes=[each.cause.value for each in causes],
        now=now,
    )
    return len(rows)


async def subscription_behind(c: Connection, destination: int) -> UUID | None:
    """Find the subscription behind a destination."""
    return cast("UUID | None", await queries.find_destination_subscription(c, destination=destination))


async def claim(c: Connection) -> Notice | None:
    """Claim the next notice to send; its next attempt is set, so a process that dies costs a repeat at most."""
    row = await queries.claim_notice(c, waits=list(WAITS))
    return None if row is None else _notice(row)


async def record(c: Connection, notice: UUID, sent_at: datetime | None, error: str | None) -> None:
    """Record how an attempt ended."""
    await queries.record_notice(c, id=notice, sent_at=sent_at, error=error)


async def newest(c: Connection, subscription: UUID, most: int) -> list[Notice]:
    """Read the newest notices of a subscription, newest first."""
    return [_notice(row) for row in await queries.read_notices(c, subscription=subscription, most=most)]


async def open_of(c: Connection, system_code: str) -> list[Notice]:
    """Read the open notices about a system's subscription, newest first."""
    return [_notice(row) for row in await queries.read_open_notices(c, system_code=system_code)]


def _notice(row: Mapping[str, Any]) -> Notice:
    return Notice(**{**row, "cause": NoticeCause(row["cause"])})
