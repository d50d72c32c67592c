"""Who a webhook belongs to, and how it wants to be called."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A webhook as its active subscription describes it.

    Every one of the `secrets` signs: while they change, the receiver may know only some of them. `identity` is the
    certificate and key (PEM) that the hub shows there, when the receiver gave it one of its own.
    """

    subscription_id: UUID
    url: str
    secrets: tuple[bytes, ...] = field(repr=False)
    retry_schedule: tuple[int, ...] | None = None
    allowed_rate: int | None = None
    identity: bytes | None = field(default=None, repr=False)
