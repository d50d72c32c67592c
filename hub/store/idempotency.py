"""Stored responses by caller and `Idempotency-Key`. In: a key. Out: the response to the first request with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import orjson

from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.store.pool import Connection

KEPT: Final = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredResponse:
    """A response as it was sent, and the hash of its request."""

    request_hash: bytes
    status: int
    headers: Mapping[str, str]
    body: bytes


def caller_digest(subject: str) -> str:
    """Return the name under which a caller's responses are stored: only `people` holds subjects."""
    return sha256(subject.encode()).hexdigest()


async def find(c: Connection, caller: str, key: str, now: datetime) -> StoredResponse | None:
    """Lock a key until the transaction ends, and return its stored response, if any."""
    await queries.lock_idempotency_key(c, caller=caller, key=key)
    row = await queries.find_idempotency_key(c, caller=caller, key=key, not_before=now - KEPT)
    if row is None:
        return None
    return StoredResponse(
        request_hash=row["request_hash"], status=row["status"], headers=orjson.loads(row["headers"]), body=row["body"]
    )


async def keep(c: Connection, caller: str, key: str, answer: StoredResponse, now: datetime) -> None:
    """Store a response, in the transaction that did the work."""
    await queries.write_idempotency_key(
        c,
        caller=caller,
        key=key,
        request_hash=answer.request_hash,
        status=answer.status,
        headers=orjson.dumps(dict(answer.headers)).decode(),
        body=answer.body,
        now=now,
    )


async def forget_caller(c: Connection, caller: str) -> None:
    """Delete the stored responses of a caller."""
    await queries.delete_responses_of_caller(c, caller=caller)


async def forget(c: Connection, now: datetime) -> None:
    """Delete the stored responses that have expired."""
    await queries.delete_old_idempotency_keys(c, not_before=now - KEPT)
