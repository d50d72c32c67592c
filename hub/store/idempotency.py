"""Requests by caller and `Idempotency-Key`. In: a key. Out: a claim on it, or what is known of its first request.

A claim is a row of its own short transaction. The response is stored in the transaction of the work, by the token of
the claim: of two processes that work on one key only one can commit. A claim ends by itself, because its process may
be gone. A caller is a subject with what it may do; the digest of the subject alone finds the rows of a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

import orjson

from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from hub.store.pool import Connection

KEPT: Final = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyClaim:
    """A request that wants its key: whose it is, and the hash of the request; `token` tells claims apart."""

    caller: str
    subject: str
    key: str
    request_hash: bytes
    token: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredResponse:
    """A response as it was sent; without a body when that was too large to keep."""

    request_hash: bytes
    status: int
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class InProgress:
    """Another request has claimed the key, and is not answered yet."""

    request_hash: bytes


KnownRequest: TypeAlias = StoredResponse | InProgress
Kept: TypeAlias = Literal["kept", "unwritten", "lost"]
"""Whether a response was stored; it is not when the work wrote nothing, or when another process has the claim."""


def digest(text: str) -> str:
    """Return the name under which a caller or a subject is stored: only `people` holds subjects."""
    return sha256(text.encode()).hexdigest()


async def claim(c: Connection, wanted: KeyClaim, now: datetime, *, seconds: float, most: int) -> bool:
    """Claim a key for so many seconds, and return whether it worked; a caller has at most `most` keys."""
    return cast(
        "bool",
        await queries.claim_idempotency_key(
            c,
            caller=wanted.caller,
            key=wanted.key,
            subject=wanted.subject,
            request_hash=wanted.request_hash,
            token=wanted.token,
            now=now,
            not_before=now - KEPT,
            seconds=seconds,
            most=most,
        ),
    )


async def find(c: Connection, caller: str, key: str) -> KnownRequest | None:
    """Return what is known of a key that could not be claimed."""
    row = await queries.find_idempotency_key(c, caller=caller, key=key)
    if row is None:
        return None
    if row["status"] is None:
        return InProgress(row["request_hash"])
    return StoredResponse(
        request_hash=row["request_hash"], status=row["status"], headers=orjson.loads(row["headers"]), body=row["body"]
    )


async def keep(c: Connection, claimed: KeyClaim, answer: StoredResponse) -> Kept:
    """Store the response in the transaction of the work, which has to have written something."""
    return cast(
        "Kept",
        await queries.answer_idempotency_key(
            c,
            caller=claimed.caller,
            key=claimed.key,
            token=claimed.token,
            status=answer.status,
            headers=orjson.dumps(dict(answer.headers)).decode(),
            body=answer.body,
        ),
    )


async def release(c: Connection, claimed: KeyClaim) -> None:
    """Give a claim up: its work was not done."""
    await queries.release_idempotency_key(c, caller=claimed.caller, key=claimed.key, token=claimed.token)


async def forget_subject(c: Connection, subject: str) -> None:
    """Delete what is stored of a subject's requests."""
    await queries.delete_responses_of_subject(c, subject=digest(subject))


async def forget(c: Connection, now: datetime) -> None:
    """Delete what has expired."""
    await queries.delete_old_idempotency_keys(c, not_before=now - KEPT)
