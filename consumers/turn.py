"""One lane's turn in the hands of its owner. In: a lease, letters, outcomes. Out: a `LaneRun` to settle.

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
    LONGEST_WISH,
    SCHEDULE,
    Disable,
    GiveUp,
    Misconfigured,
    Past,
    TryAgain,
    verdict,
)
from hub.settle import LaneRun
from hub.store.lanes import Missed, Standing, Taken

if TYPE_CHECKING:
    from datetime import datetime

    from consumers.place import Place
    from consumers.places import Places
    from hub.store.lanes import Lease, Letter

WHILE_OPEN_SECONDS: Final = 60.0
"""How long a lane waits that failed while its circuit is open; it is due at once when that closes."""
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Turn:
    """A lane between its lease and its settlement; `life` is that of the owner's heart at the lease."""

    lease: Lease
    place: Place
    life: int = 0
    is_probe: bool = False
    head: int = 0
    sent: int = 0
    closed: int = 0
    wait: float = 0.0
    keeps: bool = False
    is_over: bool = False
    taken: list[Taken] = field(default_factory=list)
    missed: list[Missed] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.head, self.sent, self.closed = self.lease.head, self.lease.sent, self.lease.closed

    def passes_over(self, letter: Letter) -> bool:
        """Step over a letter that needs no sending: cancelled, or reported before its transport was noted."""
        if letter.status in IN_LANE:
            return False
        self._advance(letter, was_sent=letter.status is not Status.CANCELLED)
        return True

    async def note(self, letter: Letter, outcome: Delivered | Failure, places: Places, sent_at: datetime) -> None:
        """Take in what became of a letter; after a failure the turn is over unless the lane goes on."""
        match outcome:
            case Delivered():
                self._deliver(letter, outcome)
                await places.succeeded(self.place, sent_at)
            case _:
                await places.failed(self.place, outcome, is_probe=self.is_probe)
                await self._fail(letter, outcome, places)

    def run(self) -> LaneRun:
        """Say how the lane is to be settled."""
        standing = Standing(
            lease=self.lease,
            head=self.head,
            sent=self.sent,
            closed=self.closed,
            wait=self.wait,
            keeps=self.keeps,
        )
        return LaneRun(standing=standing, taken=self.taken, missed=self.missed, letters=self.letters)

    def _deliver(self, letter: Letter, outcome: Delivered) -> None:
        self.taken.append(
            Taken(
                key=self._key(letter),
                before=letter.status,
                outcome=outcome,
                expects_report=letter.expects_report,
                planned_at=letter.planned_at,
            )
        )
        if not letter.expects_report and self.closed != self.head:
            self.letters.append(letter)
        self._advance(letter, was_sent=True)

    def _advance(self, letter: Letter, *, was_sent: bool) -> None:
        sequence = letter.message.sequence
        if self.closed == self.head and not letter.expects_report:
            self.closed = sequence
        self.head = sequence
        if was_sent:
            self.sent = sequence

    async def _fail(self, letter: Letter, failure: Failure, places: Places) -> None:
        if not self.place.is_closed_circuit:
            self._miss(letter, failure, burned=0, wait=WHILE_OPEN_SECONDS)
        elif self.lease.early and letter.status is Status.RETRYING and not isinstance(failure, Gone):
            wish = failure.after or 0.0 if isinstance(failure, RetryLater) else 0.0
            self._miss(letter, failure, burned=0, wait=max(self.lease.early, min(wish, LONGEST_WISH)))
        else:
            await self._judge(letter, failure, places)

    async def _judge(self, letter: Letter, failure: Failure, places: Places) -> None:
        schedule = (self.place.target.retry_schedule if self.place.target else None) or SCHEDULE
        past = self._past(letter, failure)
        match verdict(failure, past, schedule, random.random()):  # noqa: S311 - jitter
            case TryAgain(at):
                self._miss(letter, failure, burned=1, wait=(at - failure.at).total_seconds())
                self._raise_alarm(letter, failure, past)
            case GiveUp(reason):
                self._miss(letter, failure, burned=1, after=Status.DEAD, reason=reason)
                self._advance(letter, was_sent=True)
                self.is_over = False
            case Misconfigured():
                self._miss(letter, failure, burned=0, wait=WHILE_OPEN_SECONDS)
                opening = circuit.opened(self.place.fuse, "misconfigured", self.place.openings, failure)
                await places.open(self.place, opening)
            case Disable():
                self._miss(letter, failure, burned=0)
                self.place.target = None
            case unknown:
                assert_never(unknown)

    def _raise_alarm(self, letter: Letter, failure: Failure, past: Past) -> None:
        """Say each day that the end of an authorisation was not heard: nothing else about it ever ends by itself."""
        if past.is_end and self.wait > DAILY * (1 - 2 * JITTER):
            log.error(
                "end.not_heard",
                destination=self.place.name,
                brin=self.lease.brin,
                delivery=str(letter.message.id),
                attempts=past.attempts,
                error=failure.error,
                next="tried again in a day; tell its operator, or `osr-hub cancel` it when nobody will ever be there",
            )

    def _past(self, letter: Letter, failure: Failure) -> Past:
        is_refused = isinstance(failure, Refused)
        return Past(
            attempts=letter.attempts + 1,
            refusals=letter.refusals + is_refused,
            refused_since=letter.refused_since or (failure.at if is_refused else None),
            is_end=letter.message.kind.is_end,
            taken_at=self.place.taken_at,
        )

    def _miss(
        self,
        letter: Letter,
        failure: Failure,
        *,
        burned: int,
        wait: float = 0.0,
        after: Status = Status.RETRYING,
        reason: str | None = None,
    ) -> None:
        self.missed.append(
            Missed(
                key=self._key(letter),
                before=letter.status,
                after=after,
                outcome=failure,
                burned=burned,
                reason=reason,
                expects_report=letter.expects_report,
            )
        )
        self.wait, self.keeps, self.is_over = wait, not burned, True

    def _key(self, letter: Letter) -> tuple[int, str, int]:
        return self.lease.destination, self.lease.brin, letter.message.sequence


def is_gone(turn: Turn) -> bool:
    """Whether the receiver said that it wants nothing any more."""
    return any(isinstance(missed.outcome, Gone) for missed in turn.missed)
