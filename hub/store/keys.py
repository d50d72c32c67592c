"""The hub's signing keys: sealed private halves, open public ones; and all sealed values, to be resealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A sealed value, its kind and its owner."""

    kind: str
    id: str
    owner: str
    value: bytes = field(repr=False)


async def valid_keys(c: Connection, keys: Keys, now: datetime) -> tuple[Ed25519PrivateKey, ...]:
    """Read the keys that sign, newest first, if there are any."""
    rows = await queries.read_valid_signing_keys(c, now=now)
    return tuple(signing.parse_private_key(unseal(row["sealed"], keys).decode()) for row in rows)


async def public_keys(c: Connection) -> list[PublicKey]:
    """Read the public half of every key that messages may have been signed with, newest first."""
    return [
        PublicKey(id=row["id"], text=row["public_key"], created_at=row["created_at"], retired_at=row["retired_at"])
        for row in await queries.read_public_signing_keys(c)
    ]


async def lock_keys(c: Connection) -> None:
    """Lock signing keys until the transaction ends."""
    await queries.lock_signing_keys(c)


async def retire_keys(c: Connection, until: datetime) -> None:
    """Retire the signing keys that have no end at this moment."""
    await queries.retire_signing_keys(c, until=until)


async def make_key(c: Connection, keys: Keys, now: datetime) -> Ed25519PrivateKey:
    """Make a signing key and store it sealed."""
    key = Ed25519PrivateKey.generate()
    sealed = seal(signing.format_private_key(key).encode(), keys)
    public = signing.format_public_key(key.public_key())
    await queries.insert_signing_key(c, id=str(new_id(now)), sealed=sealed, public_key=public, now=now)
    return key


async def sealed_values(c: Connection) -> list[Sealed]:
    """Read all that is sealed."""
    return [
        Sealed(kind=row["kind"], id=row["id"], owner=row["owner"], value=row["sealed"])
        for row in await queries.read_sealed_values(c)
    ]


async def replace_sealed(c: Connection, old: Sealed, value: bytes) -> None:
    """Replace a sealed value, unless it was changed meanwhile."""
    whose = {"owner": old.owner} if old.kind == "answer" else {}
    await _RESEAL[old.kind](c, id=old.id, before=old.value, after=value, **whose)


_RESEAL: Final = {
    "secret": queries.reseal_secret,
    "certificate": queries.reseal_certificate,
    "signing_key": queries.reseal_signing_key,
    "answer": queries.reseal_answer,
}
