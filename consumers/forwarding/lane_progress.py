"""Decide how far a lane gets. In: a lease, its deliveries, outcomes. Out: what to record, effects, when it is due.

Everything here is pure: the dispatcher applies the effects, the completer writes the result.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias, assert_never

from hub.domain import circuit
from hub.domain.circuit import CircuitClosed, CircuitOpened
from hub.domain.delivery import IN_LANE, Delivered, Gone, Move, NotAttempted, Refused, RetryLater, Status
from hub.domain.keys import DeliveryKey
from hub.domain.pace import SlowedDown
from hub.domain.retry import (
    DAILY,
    JITTER,
    MAX_RETRY_AFTER,
    AttemptHistory,
    Disable,
    GiveUp,
    Misconfigured,
    TryAgain,
    verdict,
)
from hub.settle import LaneResult
from hub.store.lanes import FailedAttempt, LaneUpdate, SucceededAttempt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from consumers.forwarding.destination import Destination
    from hub.domain.delivery import Failure, Outcome
    from hub.store.lanes import Lease, QueuedDelivery

CANCELLED: Final = Status.CANCELLED
OWN_FAULT_SECONDS: Final = 1.0
"""The wait of a lane that the hub could not send, beyond which its destination may be paused for longer."""
CIRCUIT_OPEN_SECONDS: Final = 60.0
"""The wait of a lane that failed while its circuit is open; the lane is due at once when the circuit closes."""


@dataclass(frozen=True, slots=True)
class EndpointGone:
    """The receiver answered 410: disable its subscription."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndNotDelivered:
    """The end of an authorisation has failed for days: an operator must know, because it is never given up."""

    delivery: QueuedDelivery
    attempts: int
    error: str


Effect: TypeAlias = CircuitOpened | CircuitClosed | SlowedDown | EndpointGone | EndNotDelivered | NotAttempted


@dataclass(slots=True, kw_only=True)
class LaneProgress:
    """A lane between its lease and its completion.

    `incarnation` is the one of the owner's heartbeat at the lease, `jitter` in [0, 1) spreads the next try.
    """

    lease: Lease
    destination: Destination
    incarnation: int = 0
    jitter: float = 0.5
    is_probe: bool = False
    head: int = 0
    sent: int = 0
    closed: int = 0
    wait: float = 0.0
    keeps_schedule: bool = False
    is_over: bool = False
    succeeded: list[SucceededAttempt] = field(default_factory=list)
    failed: list[FailedAttempt] = field(default_factory=list)
    unreported: list[QueuedDelivery] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.head, self.sent, self.closed = self.lease.head, self.lease.sent, self.lease.closed

    def skips(self, delivery: QueuedDelivery) -> bool:
        """Pass a delivery that needs no sending, cancelled or reported on already; return whether it was passed."""
        if delivery.status in IN_LANE:
            return False
        self._advance(delivery, was_sent=delivery.status is not CANCELLED)
        return True

    def record(self, delivery: QueuedDelivery, outcome: Outcome, sent_at: datetime) -> Sequence[Effect]:
        """Record the outcome of an attempt and return its effects; after a failure the lane goes on or is over."""
        match outcome:
            case Delivered():
                self._succeed(delivery, outcome)
                closed = self.destination.after_success(sent_at)
                return () if closed is None else (closed,)
            case RetryLater() | Refused() | Gone():
                return tuple(self._fail(delivery, outcome))
            case NotAttempted():
                self.wait, self.keeps_schedule, self.is_over = OWN_FAULT_SECONDS, True, True
                return (outcome,)
            case _:
                assert_never(outcome)

    def result(self) -> LaneResult:
        """Return what is written when the lane is completed."""
        update = LaneUpdate(
            lease=self.lease,
            head=self.head,
            sent=self.sent,
            closed=self.closed,
            wait=self.wait,
            keeps_schedule=self.keeps_schedule,
        )
        return LaneResult(update=update, succeeded=self.succeeded, failed=self.failed, unreported=self.unreported)

    def _succeed(self, delivery: QueuedDelivery, outcome: Delivered) -> None:
        self.succeeded.append(
            SucceededAttempt(
                key=self._key(delivery),
                before=delivery.status,
                outcome=outcome,
                expects_report=delivery.expects_report,
                planned_at=delivery.planned_at,
            )
        )
        if not delivery.expects_report and self.closed != self.head:
            self.unreported.append(delivery)
        self._advance(delivery, was_sent=True)

    def _advance(self, delivery: QueuedDelivery, *, was_sent: bool) -> None:
        sequence = delivery.message.sequence
        if self.closed == self.head and not delivery.expects_report:
            self.closed = sequence
        self.head = sequence
        if was_sent:
            self.sent = sequence

    def _fail(self, delivery: QueuedDelivery, failure: Failure) -> Iterator[Effect]:
        if isinstance(failure, Gone):
            yield EndpointGone()
        changed = self.destination.after_failure(failure, is_probe=self.is_probe)
        if changed is not None:
            yield changed
        if isinstance(changed, CircuitOpened) or not self.destination.is_circuit_closed:
            self._miss(delivery, failure, None, wait=CIRCUIT_OPEN_SECONDS)
        elif self.lease.early and delivery.status is Status.RETRYING and not isinstance(failure, Gone):
            asked = failure.after or 0.0 if isinstance(failure, RetryLater) else 0.0
            self._miss(delivery, failure, None, wait=max(self.lease.early, min(asked, MAX_RETRY_AFTER)))
        else:
            yield from self._follow(delivery, failure)

    def _follow(self, delivery: QueuedDelivery, failure: Failure) -> Iterator[Effect]:
        """Do what the retry rules say about an attempt that counts."""
        history = self._history(delivery, failure)
        match verdict(failure, history, self.destination.retry_schedule, self.jitter):
            case TryAgain(at):
                self._miss(delivery, failure, Move.FAILED, wait=(at - failure.at).total_seconds())
                if history.is_end and self.wait > DAILY * (1 - 2 * JITTER):
                    yield EndNotDelivered(delivery=delivery, attempts=history.attempts, error=failure.error)
            case GiveUp(reason):
                self._miss(delivery, failure, Move.GIVEN_UP, reason=reason)
                self._advance(delivery, was_sent=True)
                self.is_over = False
            case Misconfigured():
                self._miss(delivery, failure, None, wait=CIRCUIT_OPEN_SECONDS)
                yield circuit.opened(self.destination.policy, "misconfigured", self.destination.openings, failure)
            case Disable():
                self._miss(delivery, failure, None)
            case unknown:
                assert_never(unknown)

    def _history(self, delivery: QueuedDelivery, failure: Failure) -> AttemptHistory:
        is_refused = isinstance(failure, Refused)
        return AttemptHistory(
            attempts=delivery.attempts + 1,
            refusals=delivery.refusals + is_refused,
            refused_since=delivery.refused_since or (failure.at if is_refused else None),
            is_end=delivery.message.kind.is_end,
            accepted_at=self.destination.accepted_at,
        )

    def _miss(
        self,
        delivery: QueuedDelivery,
        failure: Failure,
        move: Move | None,
        *,
        wait: float = 0.0,
        reason: str | None = None,
    ) -> None:
        self.failed.append(
            FailedAttempt(
                key=self._key(delivery),
                before=delivery.status,
                move=move,
                outcome=failure,
                reason=reason,
                expects_report=delivery.expects_report,
            )
        )
        self.wait, self.keeps_schedule, self.is_over = wait, move is None, True

    def _key(self, delivery: QueuedDelivery) -> DeliveryKey:
        return DeliveryKey(self.lease.destination, self.lease.brin, delivery.message.sequence)
