"""What lanes, leases and deliveries should be after each step: the promises, written down without the database.

In: steps. Out: where every lane and every delivery stands. Nothing of the hub is used but the names of its statuses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from schemas.kinds import DeliveryStatus as Status

if TYPE_CHECKING:
    from datetime import datetime

Due = Literal["now", "later"] | None
WAITS: Final = (Status.WAITING, Status.RETRYING)
UNREPORTED: Final = (Status.DELIVERED, Status.IN_PROGRESS)
FINAL: Final = (Status.SUPERSEDED, Status.DEAD, Status.CANCELLED)


@dataclass
class Delivery:
    """One message of a lane."""

    status: Status = Status.WAITING
    reported_at: datetime | None = None


@dataclass
class Lane:
    """Messages numbered from 1; `head` is settled, `sent` the last that was not cancelled."""

    head: int = 0
    sent: int = 0
    owner: int | None = None
    token: int = 0
    due: Due = None
    held: bool = False
    deliveries: list[Delivery] = field(default_factory=list)

    @property
    def tail(self) -> int:
        """The last number."""
        return len(self.deliveries)

    def __getitem__(self, number: int) -> Delivery:
        return self.deliveries[number - 1]

    def plan(self, n: int) -> None:
        """More messages come to its end."""
        self.deliveries += [Delivery() for _ in range(n)]
        if self.owner is None and not self.held:
            self.due = self.due or "now"

    def lease(self, owner: int) -> None:
        """Somebody takes it."""
        self.owner, self.due, self.token = owner, None, self.token + 1

    def give_back(self, due: Due) -> None:
        """Nobody has it; when something waits, and may go, it has a moment."""
        self.owner = None
        self.due = due if self.tail > self.head and not self.held else None

    def free(self) -> None:
        """Its owner was declared dead."""
        self.token += 1
        self.give_back("now")

    def settle(self, steps: list[tuple[int, Status]], head: int, due: Due) -> None:
        """Its owner says what became of messages; what was reported meanwhile stays as it is."""
        for number, status in steps:
            if self[number].status in WAITS:
                self[number].status = status
        self._pass_to(head)
        self.give_back(due)

    def report(self, number: int, status: Status, at: datetime) -> bool:
        """The receiver says what it did; say whether that is news."""
        it = self[number]
        if it.status in FINAL or (it.reported_at is not None and at <= it.reported_at):
            return False
        it.status, it.reported_at = status, at
        if status is not Status.IN_PROGRESS:
            for older in self.deliveries[: number - 1]:
                if older.status in UNREPORTED:
                    older.status = Status.SUPERSEDED
        return True

    def cancel(self, number: int) -> bool:
        """A person takes back what waits, unless somebody is sending; who waits at the head keeps its moment."""
        if self.owner is not None or self[number].status not in WAITS:
            return False
        self[number].status = Status.CANCELLED
        waiting = [n for n in range(self.head + 1, self.tail + 1) if self[n].status in WAITS]
        head = waiting[0] - 1 if waiting else self.tail
        goes_on = head > self.head
        self._pass_to(head)
        self.give_back("now" if goes_on else self.due or "now")
        return True

    def hold(self) -> None:
        """Nothing goes."""
        self.held, self.due = True, None

    def release(self) -> None:
        """It goes on."""
        self.held = False
        if self.owner is None and self.tail > self.head:
            self.due = self.due or "now"

    def wake(self) -> None:
        """The destination is there again."""
        if self.owner is None and not self.held and self.tail > self.head:
            self.due = "now"

    def _pass_to(self, head: int) -> None:
        passed = [n for n in range(self.head + 1, head + 1) if self[n].status is not Status.CANCELLED]
        self.sent = max([self.sent, *passed])
        self.head = head
