"""The circuit of a destination: after a run of failures only probes are sent.

A probe is the oldest waiting message that has not used up its tries. Every fourth probe is the message that was tried
longest ago, so that one message that the receiver cannot process does not block all others. No probe is sent before the
moment that the receiver itself named.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from hub.domain.delivery import RetryLater
from hub.domain.retry import MAX_RETRY_AFTER

if TYPE_CHECKING:
    from hub.domain.delivery import Failure

Cause = Literal["unreachable", "misconfigured"]
ROTATE_EVERY: Final = 4


@dataclass(frozen=True, slots=True)
class CircuitPolicy:
    """When a circuit opens, and how its probes get rarer."""

    failures: int
    """In a row, without a success between them."""
    probes: tuple[float, ...]
    """Seconds until the first probe, by how often it opened; the last one stays."""


WEBHOOK: Final = CircuitPolicy(10, (1.0, 2.0, 5.0, 10.0, 30.0, 60.0))
QUEUE: Final = CircuitPolicy(1, (0.5, 1.0))
"""A broker that takes nothing is away for all lanes, and a probe costs it nothing."""


@dataclass(frozen=True, slots=True)
class CircuitClosed:
    """The circuit closes: the destination accepted a probe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitOpened:
    """The circuit opens: since when, for what cause, and when the first probe may be sent."""

    since: datetime
    cause: Cause
    error: str
    probe_at: datetime


def after_failures(policy: CircuitPolicy, run: int, openings: int, failure: Failure) -> CircuitOpened | None:
    """Return the opening of a circuit after a run of failures without a success, or None."""
    if run < policy.failures:
        return None
    return opened(policy, cause_of(failure), openings, failure)


def cause_of(failure: Failure) -> Cause:
    """Return what a run of such failures means: the destination is unreachable, or it refuses everything."""
    return "unreachable" if isinstance(failure, RetryLater) else "misconfigured"


def opened(policy: CircuitPolicy, cause: Cause, openings: int, failure: Failure) -> CircuitOpened:
    """Return the opening of a circuit that opens now."""
    retry_after = min(failure.after or 0.0, MAX_RETRY_AFTER) if isinstance(failure, RetryLater) else 0.0
    wait = max(policy.probes[min(openings, len(policy.probes) - 1)], retry_after)
    return CircuitOpened(
        since=failure.at, cause=cause, error=failure.error, probe_at=failure.at + timedelta(seconds=wait)
    )


def rotates(openings: int) -> bool:
    """Return whether the next probe is the message tried longest ago, instead of the oldest one."""
    return openings % ROTATE_EVERY == 0
