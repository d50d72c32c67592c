"""Bulk jobs on deliveries. In: a selection, and what becomes of each unit. Out: counts, states, a rate.

A replay sends the current state of each unit once; a cancellation cancels what still waits. Both are counted before
anything is done, and above a number of deliveries a second person must approve.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

from schemas.cloudevents import write_time

if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.domain.restating import UnitKey

BATCH_SECONDS: Final = 0.2
MAX_BATCH: Final = 200


class BulkKind(StrEnum):
    """What a job does to the selected deliveries."""

    REPLAY = "replay"
    CANCELLATION = "cancellation"


class SingleKind(StrEnum):
    """What an operator does to one parked record after the other."""

    RETRY = "retry"
    DISCARD = "discard"


ActKind: TypeAlias = BulkKind | SingleKind
"""Acts that count together for one person."""


class BulkState(StrEnum):
    """The state of a job."""

    AWAITING_APPROVAL = "awaiting_approval"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedUnit:
    """Selected deliveries of one unit; `sequence` and `delivery_id` are those of the newest."""

    unit: UnitKey
    sequence: int
    delivery_id: UUID
    mandate_version: int
    matched: int
    is_end: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkEstimate:
    """What a job would do: the number matched, and the units that get a message or are cancelled."""

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
    """What one person did of a kind in a day, in jobs and one by one, without another's approval, and since when."""

    deliveries: int = 0
    since: datetime | None = None


NO_RECENT_VOLUME: Final = RecentVolume()


def estimate(choices: Sequence[SelectedUnit], concerned: Container[UnitKey]) -> BulkEstimate:
    """Count a selection; only units in `concerned` need anything done."""
    return BulkEstimate(
        matched=sum(choice.matched for choice in choices),
        todo=[choice for choice in choices if choice.unit in concerned],
    )


def needs_approval(todo: int, before: RecentVolume, four_eyes_above: int) -> bool:
    """Return whether a second person must approve: many small jobs of one person count together."""
    return todo > 0 and before.deliveries + todo > four_eyes_above


def first_state(todo: int, before: RecentVolume, four_eyes_above: int) -> BulkState:
    """Return the first state of a job: running, awaiting approval, or done when there is nothing to do."""
    if needs_approval(todo, before, four_eyes_above):
        return BulkState.AWAITING_APPROVAL
    return BulkState.RUNNING if todo else BulkState.DONE


def approval_reason(todo: int, before: RecentVolume) -> str:
    """Explain why a second person must approve."""
    if before.since is None:
        return f"{_deliveries(todo)} at once is too much for one person alone"
    return (
        f"the requester has begun {_deliveries(before.deliveries)} alone since {write_time(before.since)}, and with "
        f"{todo} more that is too much for one person in 24 hours"
    )


def batch_size(rate: int) -> int:
    """Return the number of items per transaction at a rate per second."""
    return max(1, min(MAX_BATCH, math.floor(rate * BATCH_SECONDS)))


def pause_after(done: int, rate: int) -> timedelta:
    """Return the pause after a batch, so that no second has more than `rate` items."""
    if not done:
        return timedelta()
    return timedelta(microseconds=math.ceil(1_000_000 / (rate // batch_size(rate))))


def _deliveries(n: int) -> str:
    return "1 delivery" if n == 1 else f"{n} deliveries"
