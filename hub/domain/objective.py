"""Objectives of a destination. In: objectives, what met them, what is overdue. Out: the share met, and the burn rate.

An objective is: a share of the messages is taken within so many seconds and processed within so many seconds. What is
not done and is older than that has missed it already: it counts as if it were done now, too late.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hub.domain.lag import Hop

MAX_SECONDS: Final = 365 * 86_400
"""The longest that an objective allows for a hop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """Seconds from the record of a change to the receiver, seconds from there to the report, and the share of both."""

    transport_seconds: float = 60.0
    processing_seconds: float = 172_800.0
    share: float = 0.95

    def limit(self, hop: Hop) -> float | None:
        """Return how long a hop may take; None for a hop that has no objective of its own."""
        if hop == "transport":
            return self.transport_seconds
        return self.processing_seconds if hop == "processing" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveCounts:
    """How many measurements met the objective, in the month until now and in the last hour or two."""

    month: int = 0
    month_met: int = 0
    hour: int = 0
    hour_met: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """How many messages are not done and already older than the objective of their destination allows.

    It is the destination's miss only while it is the turn of the hub or of the receiver. So these do not count: what an
    operator holds and what has no receiver, the time that a destination was held, and the step of a school.
    """

    transport: int = 0
    processing: int = 0
    is_at_least: bool = False
    """Whether there may be more: counting stopped at a bound."""

    @property
    def count(self) -> int:
        """How many there are in all."""
        return self.transport + self.processing

    def within(self, unsent: int, unprocessed: int) -> Overdue:
        """Return no more than there are unfinished messages: those that were finished since are counted as finished."""
        return Overdue(
            transport=min(self.transport, max(unsent, 0)),
            processing=min(self.processing, max(unprocessed, 0)),
            is_at_least=self.is_at_least,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attainment:
    """An objective, the share that met it this month, and how fast the error budget is used now.

    A burn rate of 1 uses up exactly the share that may miss the objective; `budget_left` is what is left of that share,
    below 0 when more was missed than may be. None while nothing was measured and nothing is overdue.
    """

    objective: Objective
    met_share: float | None
    burn_rate: float | None
    overdue: Overdue = Overdue()

    @property
    def budget_left(self) -> float | None:
        """The part of the month's error budget that is not used up."""
        return None if self.met_share is None else 1 - _burn(1 - self.met_share, self.objective)


def attain(objective: Objective, counts: ObjectiveCounts, overdue: Overdue | None = None) -> Attainment:
    """Return how an objective is met, with what is overdue as missed, in the month and now."""
    late = overdue or Overdue()
    month, hour = counts.month + late.count, counts.hour + late.count
    return Attainment(
        objective=objective,
        met_share=counts.month_met / month if month else None,
        burn_rate=_burn(1 - counts.hour_met / hour, objective) if hour else None,
        overdue=late,
    )


def _burn(missed_share: float, objective: Objective) -> float:
    return missed_share / max(1 - objective.share, 1e-9)
