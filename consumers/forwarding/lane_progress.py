"""One lane's turn in the hands of its owner. In: a lease, letters, outcomes. Out: a `LaneResult` to settle.

It decides how far the lane got, whether it goes on after a failure, and when it is due again.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, assert_never

import structlog

from hub.domain import circuit
from hub.domain.delivery import IN_LANE, Status
from hub.domain.outcome import Delivered, Failure, Gone, Refused, RetryLater
from hub.domain.retry import (
    DAILY,
    JITTER,
    MAX_RETRY_AFTER,
    SCHEDULE,
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
    from datetime import datetime

    from consumers.forwarding.destination import Destination
    from consumers.forwarding.destinations import Destinations
    from hub.store.lanes import Lease, QueuedDelivery

WHILE_OPEN_SECONDS: Final = 60.0
"""How long a lane waits that failed while its circuit is open; it is due at once when that closes."""
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class LaneProgress:
    """A lane between its lease and its settlement; `life` is that of the owner's heart at the lease."""

    lease: Lease
    destination: Destination
    incarnation: int = 0
    is_probe: bool = False
    head: int = 0
    sent: int = 0
    closed: int = 0
    wait: float = 0.0
    keeps: bool = False
    is_over: bool = False
    taken: list[SucceededAttempt] = field(default_factory=list)
    missed: list[FailedAttempt] = field(default_factory=list)
    deliveries: list[QueuedDelivery] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.head, self.sent, self.closed = self.lease.head, self.lease.sent, self.lease.closed

    def skips(self, delivery: QueuedDelivery) -> bool:
        """Step over a letter that needs no sending: cancelled, or reported before its transport was noted."""
        if delivery.status in IN_LANE:
            return False
        self._advance(delivery, was_sent=delivery.status is not Status.CANCELLED)
        return True

    async def note(
        self, delivery: QueuedDelivery, outcome: Delivered | Failure, destinations: Destinations, sent_at: datetime
    ) -> None:
        """Take in what became of a letter; after a failure the turn is over unless the lane goes on."""
        match outcome:
            case Delivered():
                self._deliver(delivery, outcome)
                await destinations.succeeded(self.destination, sent_at)
            case _:
                await destinations.failed(self.destination, outcome, is_probe=self.is_probe)
                await self._fail(delivery, outcome, destinations)

    def run(self) -> LaneResult:
        """Say how the lane is to be settled."""
        standing = LaneUpdate(
            lease=self.lease,
            head=self.head,
            sent=self.sent,
            closed=self.closed,
            wait=self.wait,
            keeps=self.keeps,
        )
        return LaneResult(standing=standing, taken=self.taken, missed=self.missed, deliveries=self.deliveries)

    def _deliver(self, delivery: QueuedDelivery, outcome: Delivered) -> None:
        self.taken.append(
            SucceededAttempt(
                key=self._key(delivery),
                before=delivery.status,
                outcome=outcome,
                expects_report=delivery.expects_report,
                planned_at=delivery.planned_at,
            )
        )
        if not delivery.expects_report and self.closed != self.head:
            self.deliveries.append(delivery)
        self._advance(delivery, was_sent=True)

    def _advance(self, delivery: QueuedDelivery, *, was_sent: bool) -> None:
        sequence = delivery.message.sequence
        if self.closed == self.head and not delivery.expects_report:
            self.closed = sequence
        self.head = sequence
        if was_sent:
            self.sent = sequence

    async def _fail(self, delivery: QueuedDelivery, failure: Failure, destinations: Destinations) -> None:
        if not self.destination.is_closed_circuit:
            self._miss(delivery, failure, counted=0, wait=WHILE_OPEN_SECONDS)
        elif self.lease.early and delivery.status is Status.RETRYING and not isinstance(failure, Gone):
            retry_after = failure.after or 0.0 if isinstance(failure, RetryLater) else 0.0
            self._miss(delivery, failure, counted=0, wait=max(self.lease.early, min(retry_after, MAX_RETRY_AFTER)))
        else:
            await self._judge(delivery, failure, destinations)

    async def _judge(self, delivery: QueuedDelivery, failure: Failure, destinations: Destinations) -> None:
        schedule = (self.destination.endpoint.retry_schedule if self.destination.endpoint else None) or SCHEDULE
        past = self._past(delivery, failure)
        match verdict(failure, past, schedule, random.random()):  # noqa: S311 - jitter
            case TryAgain(at):
                self._miss(delivery, failure, counted=1, wait=(at - failure.at).total_seconds())
                self._raise_alarm(delivery, failure, past)
            case GiveUp(reason):
                self._miss(delivery, failure, counted=1, after=Status.DEAD, reason=reason)
                self._advance(delivery, was_sent=True)
                self.is_over = False
            case Misconfigured():
                self._miss(delivery, failure, counted=0, wait=WHILE_OPEN_SECONDS)
                opening = circuit.opened(self.destination.policy, "misconfigured", self.destination.openings, failure)
                await destinations.open(self.destination, opening)
            case Disable():
                self._miss(delivery, failure, counted=0)
                self.destination.endpoint = None
            case unknown:
                assert_never(unknown)

    def _raise_alarm(self, delivery: QueuedDelivery, failure: Failure, past: AttemptHistory) -> None:
        """Say each day that the end of an authorisation was not heard: nothing else about it ever ends by itself."""
        if past.is_end and self.wait > DAILY * (1 - 2 * JITTER):
            log.error(
                "end.not_heard",
                destination=self.destination.name,
                brin=self.lease.brin,
                delivery=str(delivery.message.id),
                attempts=past.attempts,
                error=failure.error,
                next="tried again in a day; tell its operator, or `osr-hub cancel` it when nobody will ever be there",
            )

    def _past(self, delivery: QueuedDelivery, failure: Failure) -> AttemptHistory:
        is_refused = isinstance(failure, Refused)
        return AttemptHistory(
            attempts=delivery.attempts + 1,
            refusals=delivery.refusals + is_refused,
            refused_since=delivery.refused_since or (failure.at if is_refused else None),
            is_end=delivery.message.kind.is_end,
            taken_at=self.destination.taken_at,
        )

    def _miss(
        self,
        delivery: QueuedDelivery,
        failure: Failure,
        *,
        counted: int,
        wait: float = 0.0,
        after: Status = Status.RETRYING,
        reason: str | None = None,
    ) -> None:
        self.missed.append(
            FailedAttempt(
                key=self._key(delivery),
                before=delivery.status,
                after=after,
                outcome=failure,
                counted=counted,
                reason=reason,
                expects_report=delivery.expects_report,
            )
        )
        self.wait, self.keeps, self.is_over = wait, not counted, True

    def _key(self, delivery: QueuedDelivery) -> tuple[int, str, int]:
        return self.lease.destination, self.lease.brin, delivery.message.sequence


def is_gone(turn: LaneProgress) -> bool:
    """Whether the receiver said that it wants nothing any more."""
    return any(isinstance(missed.outcome, Gone) for missed in turn.missed)
