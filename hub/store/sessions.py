"""Sessions on the pages, by the digest of their secret. In: who logged in. Out: rows that end by time or by request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from hub.store.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """A session to start: who logged in, where, and until when it lasts at most."""

    id: bytes
    subject: str
    issuer: str
    issuer_session: str | None
    caller: Mapping[str, Any]
    shown_name: str
    shown_as: str
    id_token: bytes | None
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """A session that is valid now."""

    id: bytes
    subject: str
    issuer: str
    caller: Mapping[str, Any]
    shown_name: str
    shown_as: str
    id_token: bytes | None
    seen_at: datetime
    ends_at: datetime


async def insert(c: Connection, session: NewSession, now: datetime) -> None:
    """Start a session."""
    await queries.insert_session(
        c,
        id=session.id,
        subject=session.subject,
        issuer=session.issuer,
        issuer_session=session.issuer_session,
        caller=orjson.dumps(session.caller).decode(),
        shown_name=session.shown_name,
        shown_as=session.shown_as,
        id_token=session.id_token,
        ends_at=session.ends_at,
        now=now,
    )


async def find(c: Connection, session_id: bytes, now: datetime, idle_since: datetime) -> StoredSession | None:
    """Find a session that has not ended, and was used after `idle_since`."""
    row = await queries.find_session(c, id=session_id, now=now, idle_since=idle_since)
    return None if row is None else StoredSession(**{**row, "caller": orjson.loads(row["caller"])})


async def touch(c: Connection, session_id: bytes, now: datetime) -> None:
    """Write down that a session was used now."""
    await queries.touch_session(c, id=session_id, now=now)


async def end(c: Connection, session_id: bytes) -> None:
    """End one session."""
    await queries.end_session(c, id=session_id)


async def end_all_of(c: Connection, subject: str) -> int:
    """End every session of a subject; return how many there were."""
    return int(await queries.end_sessions_of(c, subject=subject))


async def end_at_issuer(c: Connection, issuer: str, subject: str | None, issuer_session: str | None) -> int:
    """End the sessions of a subject, or of one login at the issuer; return how many there were."""
    found = await queries.end_issuer_sessions(c, issuer=issuer, subject=subject, issuer_session=issuer_session)
    return int(found)


async def delete_ended(c: Connection, now: datetime, idle_since: datetime) -> None:
    """Delete the sessions that are over."""
    await queries.delete_ended_sessions(c, now=now, idle_since=idle_since)


async def scope_names(c: Connection, bges: Collection[str], brins: Collection[str]) -> list[str]:
    """Return the names of boards, and of schools outside them."""
    return [row["name"] for row in await queries.read_scope_names(c, bges=sorted(bges), brins=sorted(brins))]
