"""How many lanes one forwarder sends at once to a destination. In: the answers. Out: a lower limit, or a higher one.

A receiver that answers 408, 425, 429, 502, 503 or 504 gets half as many lanes, once per round of requests; each second
in which it accepts messages doubles the limit until it is the usual one. A receiver that answers 429 and names a moment
gets nothing until then, a day at most: it speaks of the whole sender, not of one message.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.domain.delivery import RetryLater
from hub.domain.retry import MAX_RETRY_AFTER

if TYPE_CHECKING:
    from datetime import datetime

    from hub.domain.delivery import Failure

SLOW_DOWN_STATUSES: Final = frozenset({408, 425, 429, 502, 503, 504})
TOO_MANY: Final = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowedDown:
    """The destination gets fewer lanes at once, and none at all for `pause_seconds`."""

    limit: int
    pause_seconds: float
    at: datetime
    error: str


def slow_down(failure: Failure, limit: int, slowed_at: datetime | None) -> SlowedDown | None:
    """Return how a destination is slowed down that has `limit` lanes at once, or None when it is not."""
    seconds = pause_seconds(failure)
    if not asks_for_patience(failure) or not (seconds or was_sent_since(failure, slowed_at)):
        return None
    return SlowedDown(limit=halved(limit), pause_seconds=seconds, at=failure.at, error=failure.error)


def asks_for_patience(failure: Failure) -> bool:
    """Return whether an answer means that too much came at once."""
    return isinstance(failure, RetryLater) and failure.http_status in SLOW_DOWN_STATUSES


def halved(limit: int) -> int:
    """Return half the limit; one lane always goes on."""
    return max(1, limit // 2)


def doubled(limit: int, usual: int) -> int | None:
    """Return twice the limit; None when that is as many as usual."""
    return limit * 2 if limit * 2 < usual else None


def was_sent_since(failure: Failure, slowed_at: datetime | None) -> bool:
    """Return whether a request was sent after its destination was last slowed down."""
    return slowed_at is None or failure.at - timedelta(milliseconds=failure.duration_ms) >= slowed_at


def pause_seconds(failure: Failure) -> float:
    """Return for how many seconds the whole destination must get nothing."""
    if isinstance(failure, RetryLater) and failure.http_status == TOO_MANY:
        return min(failure.after or 0.0, MAX_RETRY_AFTER)
    return 0.0
