"""Objectives of a destination. In: objectives and counts of what met them. Out: the share met, and the burn rate.

An objective is: a share of the messages is taken within so many seconds and processed within so many seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.domain.lag import Hop


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
class Attainment:
    """An objective, the share that met it this month, and how fast the error budget is used now.

    A burn rate of 1 uses up exactly the share that may miss the objective; None while nothing was measured.
    """

    objective: Objective
    met_share: float | None
    burn_rate: float | None


def attain(objective: Objective, counts: ObjectiveCounts) -> Attainment:
    """Return how an objective is met."""
    missed = 1 - counts.hour_met / counts.hour if counts.hour else None
    return Attainment(
        objective=objective,
        met_share=counts.month_met / counts.month if counts.month else None,
        burn_rate=None if missed is None else missed / max(1 - objective.share, 1e-9),
    )
