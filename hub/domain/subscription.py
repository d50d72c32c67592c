"""Subscriptions: what a system asks for, and their status."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

ALL_TYPES: Final = ("nl.osr.*",)


class SignatureKind(StrEnum):
    """A kind of signature: by the secret that both sides know, or by the hub's own key."""

    V1 = "v1"
    V1A = "v1a"


class SubscriptionStatus(StrEnum):
    """Only an active one is sent to; obligatory deliveries wait until it is."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionOptions:
    """What the owner of a subscription asks for.

    `services` and `types` (patterns) choose its copies of DUO's events; obligatory deliveries come in any case.
    `reports` says whether it will report what it did. Rates are messages per minute, None for no limit.
    `client_certificate` is sealed: a certificate and key by which it knows the hub. `signatures` are the kinds of
    signatures that each message carries. `notice_url` gets notices about it.
    """

    url: str
    services: tuple[str, ...]
    types: tuple[str, ...] = ALL_TYPES
    processing_results: bool = False
    reports: bool = True
    requested_rate: int | None = None
    retry_schedule: tuple[int, ...] | None = None
    client_certificate: bytes | None = field(default=None, repr=False)
    signatures: tuple[SignatureKind, ...] = (SignatureKind.V1,)
    notice_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Options with an owner, the rate allowed, and a status; `version` rises with every change."""

    id: UUID
    supplier_oin: str
    options: SubscriptionOptions
    allowed_rate: int | None
    status: SubscriptionStatus
    version: int
    created_at: datetime
    updated_at: datetime
    system_code: str = ""
    """Its supplier's OIN when left out."""

    def __post_init__(self) -> None:
        if not self.system_code:
            object.__setattr__(self, "system_code", self.supplier_oin)

    @property
    def destination(self) -> str:
        """The destination of its obligatory deliveries."""
        return f"las:{self.system_code}"
