"""The oldest delivery of a destination that is not done. In: lanes, deliveries. Out: its age, by whose turn it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from hub.domain.age import AgeParts, DeliveryMoments, split_age
from hub.domain.cause import Cause, CircuitState
from hub.domain.delivery import Status
from hub.domain.ids import time_of

if TYPE_CHECKING:
    from datetime import datetime

    from hub.domain.objective import Objective
    from hub.store.observe import DestinationView, OldestUnprocessed, OldestUnsent


@dataclass(frozen=True, slots=True, kw_only=True)
class OldestDeliveries:
    """The oldest delivery that was not taken yet, and the oldest that was taken and not processed."""

    unsent: OldestUnsent | None = None
    unprocessed: OldestUnprocessed | None = None
    unread_since: datetime | None = None
    """Since when a report waits that the receiver wrote and the hub has not read."""

    def parts(self, destination: DestinationView, now: datetime) -> AgeParts:
        """Return the age of the older of the two, by whose turn it was."""
        moments = [*self._moments_of_unsent(destination), *self._moments_of_unprocessed(destination)]
        oldest = min(moments, key=lambda each: each.recorded_at, default=None)
        return AgeParts() if oldest is None else split_age(oldest, now)

    def since(self, cause: Cause, destination: DestinationView, objective: Objective) -> datetime | None:
        """Return since when the cause of lag lasts, as far as it can be known."""
        waits = None if self.unsent is None else self.unsent.recorded_at
        match cause:
            case Cause.NONE:
                return None
            case Cause.BACK_OFFICE:
                taken = None if self.unprocessed is None else self.unprocessed.at
                return None if taken is None else taken + timedelta(seconds=objective.processing_seconds)
            case Cause.HUB:
                return min(filter(None, (waits, self.unread_since)), default=None)
            case Cause.HELD:
                return _hold_of(destination)[0] or waits
            case Cause.RECEIVER_DOWN | Cause.REFUSED:
                return destination.circuit_since or (self.unsent and self.unsent.failed_since) or waits
            case _:
                return waits

    def _moments_of_unsent(self, destination: DestinationView) -> list[DeliveryMoments]:
        if self.unsent is None:
            return []
        held_from, held_until = _hold_of(destination)
        if not destination.has_receiver or (self.unsent.is_held and held_from is None):
            held_from = self.unsent.recorded_at
        is_open = destination.circuit is not CircuitState.CLOSED
        failing = [at for at in (self.unsent.failed_since, destination.circuit_since if is_open else None) if at]
        return [
            DeliveryMoments(
                recorded_at=self.unsent.recorded_at,
                failing_since=min(failing, default=None),
                held_from=held_from,
                held_until=held_until or (None if self.unsent.is_held or not destination.has_receiver else held_from),
            )
        ]

    def _moments_of_unprocessed(self, destination: DestinationView) -> list[DeliveryMoments]:
        found = self.unprocessed
        if found is None:
            return []
        held_from, held_until = _hold_of(destination)
        is_at_school = destination.kind != "duo" and found.status is Status.IN_PROGRESS
        return [
            DeliveryMoments(
                recorded_at=time_of(found.id) if found.was_planned_by_event else found.planned_at,
                failing_since=found.failed_since,
                held_from=held_from,
                held_until=held_until or held_from,
                delivered_at=found.at,
                school_since=found.reported_at if is_at_school else None,
                unread_since=self.unread_since,
            )
        ]


def _hold_of(destination: DestinationView) -> tuple[datetime | None, datetime | None]:
    """Return when the last hold of the whole destination began and ended."""
    return destination.held_from, destination.held_until
