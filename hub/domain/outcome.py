"""What became of one attempt to hand a message over. Classified once, at the edge, and data from there on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The queue or the webhook has taken it."""

    at: datetime
    partition: int | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLater:
    """Nobody was there, or it asked for patience; `after` is its own wish in seconds."""

    at: datetime
    error: str
    duration_ms: int
    http_status: int | None = None
    after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The receiver was there and said no to this message, or to all of them."""

    at: datetime
    error: str
    duration_ms: int
    http_status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """The receiver wants nothing any more (410)."""

    at: datetime
    error: str
    duration_ms: int
    http_status: int | None = 410


Failure: TypeAlias = RetryLater | Refused | Gone
Outcome: TypeAlias = Delivered | Failure
