"""How a stored status is shown. In: a destination as it stands, a lane, a delivery. Out: `held`, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.domain.cause import PlaceState
from hub.domain.delivery import IN_LANE, Status
from hub.store.deliveries import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hub.store.observe import Place


def not_open(places: Iterable[Place]) -> frozenset[int]:
    """List the destinations at which all that waits is held, because nobody is there to take it."""
    return frozenset(place.id for place in places if not place.has_receiver)


def show(place: Place, status: Status, reason: str | None, *, lane_is_held: bool) -> tuple[str, str | None]:
    """Say which status is shown, and the reason."""
    is_held = lane_is_held or not place.has_receiver
    if is_held and status in IN_LANE:
        return shown(status, is_held=True), _why(place)
    return status.value, reason


def _why(place: Place) -> str:
    match place.state:
        case PlaceState.NO_RECEIVER:
            return "no_receiver"
        case PlaceState.HELD if not place.is_held_by_operator:
            return "subscription_not_active"
        case _:
            return "held_by_operator"
