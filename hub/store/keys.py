"""The hub's signing keys: sealed private halves, open public ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from hub.domain import signing
from hub.domain.ids import new_id
from hub.sealing import seal, unseal
from hub.store.statements import queries

if TYPE_CHECKING:
    from datetime import datetime

    from hub.store.pool import Connection


Keys: TypeAlias = Sequence[SecretStr]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """The public half of a key, as `whpk_` text."""

    id: str
    text: str
    created_at: datetime
    retired_at: datetime | None


async def active_key(c: Connection, keys: Keys, now: datetime) -> Ed25519PrivateKey:
    """Read the key that signs; the first to need one makes it, and others wait for that."""
    row = await queries.active_signing_key(c)
    if row is not None:
        return signing.parse_private_key(unseal(row["sealed"], keys).decode())
    async with c.transaction():
        await queries.lock_signing_keys(c)
        row = await queries.active_signing_key(c)
        if row is not None:
            return signing.parse_private_key(unseal(row["sealed"], keys).decode())
        return await _make(c, keys, now)


async def public_keys(c: Connection) -> list[PublicKey]:
    """Read the public half of every key that messages may have been signed with, newest first."""
    return [
        PublicKey(id=row["id"], text=row["public_key"], created_at=row["created_at"], retired_at=row["retired_at"])
        for row in await queries.public_signing_keys(c)
    ]


async def _make(c: Connection, keys: Keys, now: datetime) -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    sealed = seal(signing.format_private_key(key).encode(), keys)
    public = signing.format_public_key(key.public_key())
    await queries.insert_signing_key(c, id=str(new_id(now)), sealed=sealed, public_key=public, now=now)
    return key
