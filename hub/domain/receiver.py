"""A webhook of a subscription: its address, its secrets, and how much it allows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hub.domain.subscription import SignatureKind

if TYPE_CHECKING:
    from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A webhook as its active subscription describes it.

    All `secrets` sign, where it asked for signatures by secret: while they are rotated, it may know only some of them.
    `signatures` says which kinds it asked for. `identity` is the certificate
    and key (PEM) that the hub presents, where the receiver gave it one of its own.
    """

    subscription_id: UUID
    url: str
    secrets: tuple[bytes, ...] = field(repr=False)
    retry_schedule: tuple[int, ...] | None = None
    allowed_rate: int | None = None
    identity: bytes | None = field(default=None, repr=False)
    signatures: tuple[SignatureKind, ...] = (SignatureKind.V1,)
