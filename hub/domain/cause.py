"""Why a destination is late. In: its numbers. Out: a cause. Next: `hub.domain.says` explains it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

LATE_SECONDS: Final = 5.0
"""A message that waits longer than this for its transport is late."""


class DestinationState(StrEnum):
    """Whether a destination may be sent to."""

    OPEN = "open"
    HELD = "held"
    NO_RECEIVER = "no_receiver"


class CircuitState(StrEnum):
    """Whether deliveries are attempted, not attempted, or tried with one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Cause(StrEnum):
    """What makes messages late."""

    NONE = "none"
    HUB = "hub"
    HELD = "held"
    RECEIVER_DOWN = "receiver_down"
    RECEIVER_SLOW = "receiver_slow"
    REFUSED = "refused"
    BACK_OFFICE = "back_office"
    NO_RECEIVER = "no_receiver"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedTransport:
    """The newest failed attempt of a delivery that will be retried."""

    was_refused: bool
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationStatus:
    """The numbers of a destination; ages in seconds, None when nothing waits. `shown_as` is its name for people."""

    name: str
    shown_as: str = ""
    state: DestinationState = DestinationState.OPEN
    is_held_by_operator: bool = False
    circuit: CircuitState = CircuitState.CLOSED
    circuit_is_misconfigured: bool = False
    circuit_error: str | None = None
    is_paused: bool = False
    slow_error: str | None = None
    waiting: int = 0
    held: int = 0
    retrying: int = 0
    unprocessed: int = 0
    dead: int = 0
    in_flight: int = 0
    oldest_undelivered: float | None = None
    oldest_unprocessed: float | None = None
    oldest_unplanned: float | None = None
    oldest_unread: float | None = None
    """The age of the oldest report that the receiver wrote and the hub has not read."""
    processing_objective: float = 172_800.0
    """How many seconds the receiver's own processing may take: its normal days are not a cause."""
    forwarders: int = 1
    failing: FailedTransport | None = None

    @property
    def takes_webhooks(self) -> bool:
        """Whether it is a system's webhook and not one of DUO's queues."""
        return not self.name.startswith("duo:")


def cause_of(standing: DestinationStatus) -> Cause:
    """Return the cause of lag; the earliest hop that is late comes first."""
    if standing.state is DestinationState.NO_RECEIVER:
        return Cause.NO_RECEIVER if standing.held else Cause.NONE
    if standing.state is DestinationState.HELD:
        return _of_transport(standing) or Cause.HELD if standing.waiting or standing.retrying else Cause.HELD
    return _of_transport(standing) or _of_what_follows(standing)


def _of_transport(standing: DestinationStatus) -> Cause | None:
    if standing.circuit is not CircuitState.CLOSED:
        return Cause.REFUSED if standing.circuit_is_misconfigured else Cause.RECEIVER_DOWN
    if standing.is_paused and (standing.waiting or standing.retrying):
        return Cause.RECEIVER_SLOW
    if standing.retrying:
        return Cause.REFUSED if standing.failing is not None and standing.failing.was_refused else Cause.RECEIVER_DOWN
    if _exceeds(standing.oldest_undelivered, LATE_SECONDS):
        is_busy = standing.forwarders and standing.in_flight and standing.takes_webhooks
        return Cause.RECEIVER_SLOW if is_busy else Cause.HUB
    if _exceeds(standing.oldest_unplanned, LATE_SECONDS):
        return Cause.HUB
    return None


def _of_what_follows(standing: DestinationStatus) -> Cause:
    if standing.held:
        return Cause.HELD
    if standing.unprocessed and _exceeds(standing.oldest_unread, LATE_SECONDS):
        return Cause.HUB
    if _exceeds(standing.oldest_unprocessed, standing.processing_objective):
        return Cause.BACK_OFFICE
    return Cause.NONE


def _exceeds(seconds: float | None, limit: float) -> bool:
    return seconds is not None and seconds > limit
