"""Sessions on the pages. In: who logged in, or the secret of a cookie. Out: the session, while it lasts.

A session ends after some idle time, at its last hour, at a logout here, everywhere or at the provider. A login always
starts a new one, so that a secret from before it is worth nothing.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from hub.access.caller import Caller, Role, read_caller
from hub.errors import ConfigurationError
from hub.sealing import unseal
from hub.store import people, sessions
from hub.store.sessions import NewSession, StoredSession

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pydantic import SecretStr

    from hub.settings import Settings
    from hub.store.pool import Connection

COOKIE: Final = "osr_hub_session"
TOUCH_AFTER: Final = timedelta(minutes=1)
MAX_SECRET_LENGTH: Final = 100
MAX_NAME_LENGTH: Final = 100
MANY: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The session of a visitor."""

    secret: str
    stored: StoredSession
    caller: Caller
    idle_at: datetime

    @property
    def ends_at(self) -> datetime:
        """When it ends if the visitor does nothing more."""
        return min(self.stored.ends_at, self.idle_at)

    def id_token(self, keys: Sequence[SecretStr]) -> str | None:
        """Return the ID token of the login; None without one, or when its sealing key is gone."""
        if self.stored.id_token is None:
            return None
        try:
            return unseal(self.stored.id_token, keys).decode()
        except ConfigurationError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLogin:
    """A person who logged in, and where."""

    caller: Caller
    issuer: str
    name: str = ""
    issuer_session: str | None = None
    sealed_id_token: bytes | None = None
    until: datetime | None = None


async def start(c: Connection, login: NewLogin, settings: Settings, now: datetime) -> str:
    """Start a session and return the secret of its cookie."""
    secret = secrets.token_urlsafe(32)
    last = now + timedelta(hours=settings.login.hours)
    new = NewSession(
        id=_digest(secret),
        subject=login.caller.subject,
        issuer=login.issuer,
        issuer_session=login.issuer_session,
        caller=login.caller.claims(),
        shown_name=login.name[:MAX_NAME_LENGTH],
        shown_as=await describe_scope(c, login.caller),
        id_token=login.sealed_id_token,
        ends_at=last if login.until is None else min(last, login.until),
    )
    await sessions.insert(c, new, now)
    if new.shown_name:
        await people.write_name(c, new.subject, new.shown_name, now)
    return secret


async def find(c: Connection, secret: str, settings: Settings, now: datetime) -> Session | None:
    """Find the session of a secret, if it lasts."""
    if not secret or len(secret) > MAX_SECRET_LENGTH:
        return None
    idle = timedelta(minutes=settings.login.idle_minutes)
    stored = await sessions.find(c, _digest(secret), now, now - idle)
    if stored is None:
        return None
    return Session(secret=secret, stored=stored, caller=read_caller(stored.caller), idle_at=stored.seen_at + idle)


async def keep(c: Connection, session: Session, now: datetime) -> Session:
    """Write down that the visitor did something, at most once a minute; return the session as it lasts now."""
    idle = now - session.stored.seen_at
    if idle < TOUCH_AFTER:
        return session
    await sessions.touch(c, session.stored.id, now)
    return replace(session, idle_at=session.idle_at + idle)


async def end(c: Connection, session: Session, *, everywhere: bool = False) -> None:
    """End a session, or every session of its person."""
    if everywhere:
        await sessions.end_all_of(c, session.stored.subject)
    else:
        await sessions.end(c, session.stored.id)


async def delete_ended(c: Connection, settings: Settings, now: datetime) -> None:
    """Delete the sessions that are over."""
    await sessions.delete_ended(c, now, now - timedelta(minutes=settings.login.idle_minutes))


async def describe_scope(c: Connection, caller: Caller) -> str:
    """Return for whom a caller acts: the names of its boards, or else of its schools; empty for others."""
    if not caller.has(Role.SCHOOL):
        return ""
    names = await sessions.scope_names(c, caller.bges, caller.brins)
    return ", ".join(names) if len(names) < MANY else f"{names[0]} (+{len(names) - 1})"


def _digest(secret: str) -> bytes:
    return sha256(secret.encode(errors="surrogateescape")).digest()
