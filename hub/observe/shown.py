"""The status that is shown. In: a destination, a lane, a stored status. Out: that status, or `held` and the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.domain.cause import DestinationState
from hub.domain.delivery import IN_LANE, Status
from hub.domain.reasons import reason_code
from hub.store.deliveries import status_as_shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hub.store.observe import DestinationView


def without_receiver(destinations: Iterable[DestinationView]) -> frozenset[int]:
    """Return the destinations without a receiver, at which every waiting delivery is held."""
    return frozenset(destination.id for destination in destinations if not destination.has_receiver)


def shown_status(
    destination: DestinationView, status: Status, reason: str | None, *, lane_is_held: bool
) -> tuple[str, str | None]:
    """Return the status to show, and the reason as everybody may read it."""
    is_held = lane_is_held or not destination.has_receiver
    if is_held and status in IN_LANE:
        return status_as_shown(status, is_held=True), _why(destination)
    return status.value, reason_code(status, reason)


def _why(destination: DestinationView) -> str:
    match destination.state:
        case DestinationState.NO_RECEIVER:
            return "no_receiver"
        case DestinationState.HELD if not destination.is_held_by_operator:
            return "subscription_not_active"
        case _:
            return "held_by_operator"
