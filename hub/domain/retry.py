"""Decide when a failed delivery is tried again. In: a failure and the history of its attempts. Out: a verdict.

| attempt | after          | since the first |
|---------|----------------|-----------------|
| 1       | at once        | 0               |
| 2       | 5 s            | 5 s             |
| 3       | 5 min          | 5 min           |
| 4       | 30 min         | 35 min          |
| 5       | 2 h            | 2 h 35 min      |
| 6       | 5 h            | 7 h 35 min      |
| 7       | 10 h           | 17 h 35 min     |
| 8       | 14 h           | 31 h 35 min     |
| 9       | 20 h           | 51 h 35 min     |
| 10      | 24 h           | 75 h 35 min     |

A refused message is tried three times in ten minutes; refusals and absences are counted apart, so that neither uses up
the tries of the other. The end of an authorisation is never given up: it is tried daily.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeAlias, assert_never

from hub.domain.delivery import Failure, Gone, Refused, RetryLater

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEDULE: Final = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
REFUSALS: Final = (150, 450)
DAILY: Final = 86400
MAX_RETRY_AFTER: Final = 86400
JITTER: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptHistory:
    """The attempts of a delivery that just failed: `attempts` counts this one, `refusals` the refused ones.

    `accepted_at` is when the newest message that the destination accepted was sent.
    """

    attempts: int
    refusals: int
    refused_since: datetime | None
    is_end: bool
    accepted_at: datetime | None

    @property
    def absences(self) -> int:
        """How many attempts got no answer, or a plea for patience."""
        return self.attempts - self.refusals

    @property
    def is_message_at_fault(self) -> bool:
        """Whether the destination accepted something that was sent after it first refused this message."""
        return self.accepted_at is not None and self.refused_since is not None and self.accepted_at > self.refused_since


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Try again at this moment; the lane waits."""

    at: datetime


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Try no more and let the lane go on; `reason` says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Misconfigured:
    """The destination accepts nothing at all: open its circuit, and do not count the attempt."""

    error: str


@dataclass(frozen=True, slots=True)
class Disable:
    """The receiver wants no more messages: disable its subscription, and let its lanes wait."""

    error: str


Verdict: TypeAlias = TryAgain | GiveUp | Misconfigured | Disable


def verdict(failure: Failure, past: AttemptHistory, schedule: Sequence[float] = SCHEDULE, draw: float = 0.5) -> Verdict:
    """Decide what follows a failure; `draw` in [0, 1) spreads the moment by a fifth to either side."""
    match failure:
        case RetryLater():
            return _absent(failure, past, schedule, draw)
        case Refused():
            return _refused(failure, past, draw)
        case Gone():
            return Disable(failure.error)
        case _:
            assert_never(failure)


def _absent(failure: RetryLater, past: AttemptHistory, schedule: Sequence[float], draw: float) -> Verdict:
    if past.absences > len(schedule):
        return _daily(failure, draw, failure.after) if past.is_end else GiveUp("exhausted")
    return _later(failure, _spread(schedule[past.absences - 1], draw), failure.after)


def _refused(failure: Refused, past: AttemptHistory, draw: float) -> Verdict:
    if past.refusals <= len(REFUSALS):
        return _later(failure, _spread(REFUSALS[past.refusals - 1], draw))
    if not past.is_message_at_fault:
        return Misconfigured(failure.error)
    return _daily(failure, draw) if past.is_end else GiveUp("refused")


def _daily(failure: Failure, draw: float, retry_after: float | None = None) -> TryAgain:
    return _later(failure, _spread(DAILY, draw), retry_after)


def _later(failure: Failure, seconds: float, retry_after: float | None = None) -> TryAgain:
    return TryAgain(failure.at + timedelta(seconds=max(seconds, min(retry_after or 0, MAX_RETRY_AFTER))))


def _spread(seconds: float, draw: float) -> float:
    return seconds * (1 - JITTER + 2 * JITTER * draw)
