"""How many lanes one forwarder has in hand at a destination at once. In: what it answers. Out: fewer, or more again.

A receiver that asks for patience (408, 425, 429, 502, 503, 504) gets half of what it had, once per round of requests;
each good second doubles it, until nothing is left of the brake. One that answers 429 and names a moment is left alone
until then, a day at most: it speaks of whoever sends, and not of one message.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.domain.outcome import RetryLater
from hub.domain.retry import MAX_RETRY_AFTER

if TYPE_CHECKING:
    from datetime import datetime

    from hub.domain.outcome import Failure

SLOW_DOWN_STATUSES: Final = frozenset({408, 425, 429, 502, 503, 504})
TOO_MANY: Final = 429


def asks_for_patience(failure: Failure) -> bool:
    """Say whether an answer means that too much came at once."""
    return isinstance(failure, RetryLater) and failure.http_status in SLOW_DOWN_STATUSES


def halved(pace: int) -> int:
    """Halve it; one lane always goes on."""
    return max(1, pace // 2)


def doubled(pace: int, usual: int) -> int | None:
    """Double it; None when that is as many as usual."""
    return pace * 2 if pace * 2 < usual else None


def was_sent_since(failure: Failure, slowed_at: datetime | None) -> bool:
    """Say whether a request was sent after the last time that its destination was slowed down."""
    return slowed_at is None or failure.at - timedelta(milliseconds=failure.duration_ms) >= slowed_at


def pause_seconds(failure: Failure) -> float:
    """Say how many seconds the whole destination is to be left alone."""
    if isinstance(failure, RetryLater) and failure.http_status == TOO_MANY:
        return min(failure.after or 0.0, MAX_RETRY_AFTER)
    return 0.0
