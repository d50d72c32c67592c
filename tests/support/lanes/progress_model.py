"""What turns should come to, by what a receiver answers: the promises, written down without the hub's own rules.

In: answers. Out: where each message, each lane and the circuit stand. A refusal is tried three times; then it is the
message's own fault if the receiver took another one since it first refused this, and otherwise the receiver's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from schemas.kinds import DeliveryStatus as Status
from tests.support.lanes.lane_model import FINAL, UNREPORTED, WAITS, Due

if TYPE_CHECKING:
    from collections.abc import Iterator

Answer = Literal["ok", "absent", "refused"]
TRIES_OF_A_REFUSAL: Final = 3


@dataclass
class Message:
    """One message of a lane; `refused_at` is when it was first refused, as everybody counts."""

    planned: int
    expects: bool
    status: Status = Status.WAITING
    attempts: int = 0
    refusals: int = 0
    refused_at: int | None = None
    reason: str | None = None
    reported: int = 0


@dataclass
class Lane:
    """Messages numbered from 1; `early` says that it is due before its moment by the schedule."""

    head: int = 0
    due: Due = None
    early: bool = False
    messages: list[Message] = field(default_factory=list)

    @property
    def waits(self) -> bool:
        """Whether anything is to be sent or passed over."""
        return len(self.messages) > self.head

    @property
    def first(self) -> Message:
        """What is sent next."""
        return next(m for m in self.messages[self.head :] if m.status in WAITS)

    def supersede_before(self, n: int) -> None:
        """A newer word was answered: nobody needs to report on older ones."""
        for older in self.messages[: n - 1]:
            if older.expects and older.status in UNREPORTED:
                older.status = Status.SUPERSEDED


class Receiver:
    """A receiver's lanes and its circuit, which opens after `fuse` failures in a row."""

    def __init__(self, brins: tuple[str, ...], fuse: int, absences: int) -> None:
        self.lanes = {brin: Lane() for brin in brins}
        self.fuse, self.absences = fuse, absences
        self.circuit, self.openings, self.run = "closed", 0, 0
        self.clock, self.taken_at = 0, 0
        self.in_hand: set[str] = set()

    def plan(self, brin: str, n: int, planned: int, *, expects: bool) -> None:
        """More messages come to the end of a lane."""
        lane = self.lanes[brin]
        lane.messages += [Message(planned, expects) for _ in range(n)]
        lane.due = lane.due or "now"

    def probes(self) -> set[str]:
        """Name the lanes that may go first when it is tried: the oldest message, unless it has used up its tries."""
        ranks = {
            brin: (lane.first.refusals >= TRIES_OF_A_REFUSAL - 1, lane.first.planned)
            for brin, lane in self.lanes.items()
            if lane.due and any(m.status in WAITS for m in lane.messages[lane.head :])
        }
        return {brin for brin, rank in ranks.items() if rank == min(ranks.values())}

    def turn(self, brin: str, answers: Iterator[Answer], most: int, *, is_probe: bool) -> None:
        """Let a lane have its turn: it goes on until something fails that must be waited for."""
        lane, was_early, wait = self.lanes[brin], self.lanes[brin].early, False
        keeps = False
        for n in range(lane.head + 1, min(lane.head + most, len(lane.messages)) + 1):
            message = lane.messages[n - 1]
            if message.status in WAITS:
                self.clock += 1
                if (answer := next(answers)) == "ok":
                    self._take(lane, message, n)
                    keeps = False if not wait else keeps
                elif not self._goes_on(message, answer, was_early=was_early, is_probe=is_probe):
                    wait, keeps = True, self.keeps
                    break
            lane.head = n
        lane.due = ("later" if wait else "now") if lane.waits else None
        lane.early = lane.early and keeps

    def _take(self, lane: Lane, message: Message, n: int) -> None:
        message.status, message.attempts = Status.DELIVERED, message.attempts + 1
        if not message.expects:
            lane.supersede_before(n)
        self.run, self.taken_at = 0, self.clock
        if self.circuit != "closed":
            self.circuit, self.openings = "closed", 0
            for brin, other in self.lanes.items():
                if brin not in self.in_hand and other.waits:
                    other.early = other.early or other.due == "later"
                    other.due = "now"

    def _goes_on(self, message: Message, answer: Answer, *, was_early: bool, is_probe: bool) -> bool:
        """Say whether the lane goes on after a failure, because nothing more is tried."""
        self.run += 1
        self.keeps = True
        if (self.circuit == "closed" and self.run >= self.fuse) or (is_probe and self.circuit == "half_open"):
            self._open()
        if self.circuit != "closed" or (was_early and message.status is Status.RETRYING):
            return False
        if answer == "refused" and message.refusals + 1 >= TRIES_OF_A_REFUSAL:
            if message.refused_at is None or self.taken_at <= message.refused_at:
                self._open()
                return False
            return self._burn(message, answer, "refused")
        absences = message.attempts - message.refusals + (answer == "absent")
        return self._burn(message, answer, "exhausted" if answer == "absent" and absences > self.absences else None)

    def _burn(self, message: Message, answer: Answer, reason: str | None) -> bool:
        self.keeps = False
        message.attempts += 1
        if answer == "refused":
            message.refusals += 1
            message.refused_at = message.refused_at or self.clock
        message.status, message.reason = (Status.DEAD if reason else Status.RETRYING), reason
        return reason is not None

    def _open(self) -> None:
        self.circuit, self.openings = "open", self.openings + 1

    def let_time_pass(self) -> None:
        """Every moment by the schedule has come."""
        for lane in self.lanes.values():
            lane.due, lane.early = lane.due and "now", False

    def report(self, brin: str, n: int, status: Status, moment: int) -> bool:
        """The receiver says what it did; say whether that is news."""
        lane = self.lanes[brin]
        message = lane.messages[n - 1]
        if message.status in FINAL or not message.expects or moment <= message.reported:
            return False
        message.status, message.reported, message.reason = status, moment, None
        if status is not Status.IN_PROGRESS:
            lane.supersede_before(n)
        return True
