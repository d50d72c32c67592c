"""The circuit of a destination: after a run of failures nothing is tried but a probe with the oldest message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from hub.domain.outcome import RetryLater

if TYPE_CHECKING:
    from hub.domain.outcome import Failure

FAILURES_TO_OPEN: Final = 10
PROBE_SECONDS: Final = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)

Cause = Literal["unreachable", "misconfigured"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The circuit opens: since when, for what, and when the first probe may go."""

    since: datetime
    cause: Cause
    error: str
    probe_at: datetime


def after_failures(run: int, openings: int, failure: Failure) -> Opening | None:
    """Open after a run of failures without a success between them; the probes get rarer with each opening."""
    if run < FAILURES_TO_OPEN:
        return None
    return opened(cause_of(failure), openings, failure.at, failure.error)


def cause_of(failure: Failure) -> Cause:
    """Say what a run of such failures means: nobody is there, or somebody takes nothing."""
    return "unreachable" if isinstance(failure, RetryLater) else "misconfigured"


def opened(cause: Cause, openings: int, at: datetime, error: str) -> Opening:
    """Open it now."""
    wait = PROBE_SECONDS[min(openings, len(PROBE_SECONDS) - 1)]
    return Opening(since=at, cause=cause, error=error, probe_at=at + timedelta(seconds=wait))
