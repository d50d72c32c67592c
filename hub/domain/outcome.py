"""The outcome of one attempt to deliver a message, classified once where the answer comes in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The queue or the webhook accepted the message."""

    at: datetime
    partition: int | None = None
    offset: int | None = None
    duration_ms: int = field(default=0, compare=False)
    http_status: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLater:
    """The receiver did not answer, or asked for patience; `after` is the seconds it asked for."""

    at: datetime
    error: str
    duration_ms: int
    http_status: int | None = None
    after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The receiver answered and refused this message, or all of them."""

    at: datetime
    error: str
    duration_ms: int
    http_status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """The receiver wants no more messages (410)."""

    at: datetime
    error: str
    duration_ms: int
    http_status: int | None = 410


Failure: TypeAlias = RetryLater | Refused | Gone
Outcome: TypeAlias = Delivered | Failure
