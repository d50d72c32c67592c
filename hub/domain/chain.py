"""The hash chains of the audit. In: an entry, and the seal of the entry before it. Out: the seal of this one.

A school's entries are a chain; those without a school are the general chain. A seal is the SHA-256 of the seal before
it (none before the first) and of the entry: each part as its length in bytes, a colon and its text, or a dash where
there is none. `hub/store/chain.sql` computes the same from the rows, so that the check does not depend on this.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
GENERAL_CHAIN: Final = ""
"""The chain of what has no school."""


def seal(previous: bytes, parts: Iterable[str | None]) -> bytes:
    """Return the seal of an entry after the one before it."""
    texts = [None if part is None else part.encode() for part in parts]
    return sha256(
        previous + b"".join([b"-" if text is None else b"%d:%b" % (len(text), text) for text in texts])
    ).digest()


def microseconds(at: datetime) -> str:
    """Write a moment as whole microseconds since 1970."""
    return str((at - EPOCH) // timedelta(microseconds=1))


def chain_order(chain: str) -> tuple[bool, str]:
    """Return the lock order of chains: schools by their codes, and the general chain last."""
    return chain == GENERAL_CHAIN, chain
