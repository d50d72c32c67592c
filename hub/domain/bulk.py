"""Acts on many deliveries at once. In: what was chosen, and what becomes of each unit. Out: counts, states, a pace.

A replay sends the current state of each unit concerned, once; a cancellation cancels what still waits. Both are counted
before anything is done, and above a number of deliveries a second person has to agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from schemas.cloudevents import write_time

if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.domain.restating import UnitKey

BATCH_SECONDS: Final = 0.2
MAX_BATCH: Final = 200


class BulkKind(StrEnum):
    """What is done to what was chosen."""

    REPLAY = "replay"
    CANCELLATION = "cancellation"


class BulkState(StrEnum):
    """Where an act stands."""

    AWAITING_APPROVAL = "awaiting_approval"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedUnit:
    """Deliveries of one unit that were chosen, or one of them: the newest stands for all."""

    unit: UnitKey
    sequence: int
    delivery_id: UUID
    mandate_version: int
    matched: int
    is_end: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkEstimate:
    """What an act would do: of all that matched, what gets a message of its own, or is cancelled."""

    matched: int
    todo: Sequence[SelectedUnit]

    @property
    def superseded(self) -> int:
        """What gets nothing of its own, because a newer state stands for it."""
        return self.matched - len(self.todo)

    @property
    def ends(self) -> int:
        """How many of them tell of an end."""
        return sum(choice.is_end for choice in self.todo)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentVolume:
    """How many deliveries one person began to act on in a day, with nobody else's approval, and since when."""

    deliveries: int = 0
    since: datetime | None = None


NO_RECENT_VOLUME: Final = RecentVolume()


def estimate(choices: Sequence[SelectedUnit], concerned: Container[UnitKey]) -> BulkEstimate:
    """Count what was chosen; only units that are `concerned` need anything done."""
    return BulkEstimate(
        matched=sum(choice.matched for choice in choices),
        todo=[choice for choice in choices if choice.unit in concerned],
    )


def needs_approval(todo: int, before: RecentVolume, four_eyes_above: int) -> bool:
    """Say whether a second person has to agree: many small acts of one person count as the large one they make."""
    return todo > 0 and before.deliveries + todo > four_eyes_above


def first_state(todo: int, before: RecentVolume, four_eyes_above: int) -> BulkState:
    """Say how an act begins: at once, after a second person agreed, or done because there is nothing to do."""
    if needs_approval(todo, before, four_eyes_above):
        return BulkState.AWAITING_APPROVAL
    return BulkState.RUNNING if todo else BulkState.DONE


def approval_reason(todo: int, before: RecentVolume) -> str:
    """Say in words why a second person has to agree."""
    if before.since is None:
        return f"{_deliveries(todo)} at once is too much for one person alone"
    return (
        f"whoever asks has begun {_deliveries(before.deliveries)} alone since {write_time(before.since)}, and with "
        f"{todo} more that is too much for one person in 24 hours"
    )


def batch_size(rate: int) -> int:
    """Say how many items are done in one transaction at so many per second."""
    return max(1, min(MAX_BATCH, math.floor(rate * BATCH_SECONDS)))


def pause_after(done: int, rate: int) -> timedelta:
    """Say how long nothing more is done after a portion, so that no second sees more than `rate`."""
    if not done:
        return timedelta()
    return timedelta(microseconds=math.ceil(1_000_000 / (rate // batch_size(rate))))


def _deliveries(n: int) -> str:
    return "1 delivery" if n == 1 else f"{n} deliveries"
