"""Kept answers of requests with an Idempotency-Key, for tests of what becomes of them. Out: rows."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from hub.clock import now
from hub.store import idempotency
from hub.store.idempotency import KeyClaim, StoredResponse

if TYPE_CHECKING:
    from hub.store.pool import Connection


async def keep_answer(c: Connection, key: str, body: bytes, *, subject: str = "las") -> None:
    """Store the answer to a request of a subject."""
    who = idempotency.digest(subject)
    wanted = KeyClaim(caller=who, subject=who, key=key, request_hash=b"", token=uuid4())
    answer = StoredResponse(request_hash=b"", status=201, headers={}, body=body)
    async with c.transaction():  # in which the claim is what was written
        assert await idempotency.claim(c, wanted, now(), seconds=60, most=100)
        assert await idempotency.keep(c, wanted, answer) == "kept"
