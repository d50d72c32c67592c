"""Forms of pages, by session and token. In: what was filled in, or where a form led. Out: the same, while kept."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

import orjson

from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hub.store.pool import Connection

MAX_FORMS: Final = 50
"""How many forms of a session are kept."""


async def claim(c: Connection, session: bytes, token: str, now: datetime) -> bool:
    """Claim the token of a form in the transaction of what it does; return whether it is new.

    A second claim waits until the first transaction ends, and is new if that one was rolled back.
    """
    await queries.drop_old_forms(c, session=session, most=MAX_FORMS)
    return await queries.claim_form(c, session=session, token=token, now=now) is not None


async def finish(c: Connection, session: bytes, token: str, location: str) -> None:
    """Write down where a form led that is accepted."""
    await queries.finish_form(c, session=session, token=token, location=location)


async def location(c: Connection, session: bytes, token: str) -> str | None:
    """Return where a form led; None for one that was not accepted."""
    found: str | None = await queries.read_location(c, session=session, token=token)
    return found


async def keep(c: Connection, session: bytes, fields: Mapping[str, Sequence[str]], now: datetime) -> str:
    """Keep what was filled in, and return its token."""
    token = secrets.token_urlsafe(16)
    await queries.drop_old_forms(c, session=session, most=MAX_FORMS)
    await queries.keep_form(c, session=session, token=token, fields=orjson.dumps(fields).decode(), now=now)
    return token


async def read(c: Connection, session: bytes, token: str) -> Mapping[str, Sequence[str]] | None:
    """Return what was filled in; None for a token of another session, or one that is kept no longer."""
    found = await queries.read_form(c, session=session, token=token)
    return None if found is None else orjson.loads(found)
