"""One lane's turn in the hands of its owner. In: a lease, letters, outcomes. Out: a `LaneRun` to settle.

It decides how far the lane got, whether it goes on after a failure, and when it is due again.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, assert_never

from hub.domain import circuit
from hub.domain.delivery import IN_LANE, Status
from hub.domain.outcome import Delivered, Failure, Gone
from hub.domain.retry import SCHEDULE, Disable, GiveUp, Misconfigured, Past, TryAgain, verdict
from hub.settle import LaneRun
from hub.store.lanes import Missed, Standing, Taken

if TYPE_CHECKING:
    from consumers.places import Place, Places
    from hub.store.lanes import Lease, Letter

WHILE_CLOSED_SECONDS: Final = 60.0


@dataclass(slots=True)
class Turn:
    """A lane between its lease and its settlement."""

    lease: Lease
    place: Place
    head: int = 0
    sent: int = 0
    closed: int = 0
    wait: float = 0.0
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

    async def note(self, letter: Letter, outcome: Delivered | Failure, places: Places) -> None:
        """Take in what became of a letter; after a failure the turn is over unless the lane goes on."""
        match outcome:
            case Delivered():
                self._deliver(letter, outcome)
                await places.succeeded(self.place, outcome.at)
            case _:
                await places.failed(self.place, outcome)
                await self._fail(letter, outcome, places)

    def run(self) -> LaneRun:
        """Say how the lane is to be settled."""
        standing = Standing(lease=self.lease, head=self.head, sent=self.sent, closed=self.closed, wait=self.wait)
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
            self._miss(letter, failure, burned=0, wait=WHILE_CLOSED_SECONDS)
            return
        schedule = (self.place.target.retry_schedule if self.place.target else None) or SCHEDULE
        decision = verdict(failure, self._past(letter, failure), schedule, random.random())  # noqa: S311 - jitter
        match decision:
            case TryAgain():
                self._miss(letter, failure, burned=1, wait=(decision.at - failure.at).total_seconds())
            case GiveUp():
                self._miss(letter, failure, burned=1, after=Status.DEAD, reason=decision.reason)
                self._advance(letter, was_sent=True)
                self.is_over = False
            case Misconfigured():
                self._miss(letter, failure, burned=0, wait=WHILE_CLOSED_SECONDS)
                await places.open(
                    self.place, circuit.opened(self.place.fuse, "misconfigured", self.place.openings, failure)
                )
            case Disable():
                self._miss(letter, failure, burned=0)
            case _:
                assert_never(decision)

    def _past(self, letter: Letter, failure: Failure) -> Past:
        return Past(
            attempts=letter.attempts + 1,
            failed_since=letter.failed_since or failure.at,
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
        self.wait, self.is_over = wait, True

    def _key(self, letter: Letter) -> tuple[int, str, int]:
        return self.lease.destination, self.lease.brin, letter.message.sequence


def is_gone(turn: Turn) -> bool:
    """Whether the receiver said that it wants nothing any more."""
    return any(isinstance(missed.outcome, Gone) for missed in turn.missed)
