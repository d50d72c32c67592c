"""No more lanes are leased to webhooks than the forwarder may have connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from consumers.forwarding.destination import Destination
from consumers.forwarding.destinations import LANES_AT_ONCE, Destinations
from consumers.forwarding.webhooks import UNLIMITED
from hub.clock import LedgerClock

if TYPE_CHECKING:
    from datetime import datetime


class Endless:
    """An endpoint without a limit of its own."""

    def permits(self, _at: datetime) -> int:
        """Permit everything."""
        return UNLIMITED


def webhooks(count: int, in_flight: int = 0) -> Destinations:
    """Make destinations that all have a backlog."""
    made = Destinations(cast("Any", None), LedgerClock())
    for number in range(count):
        made._destinations[number] = Destination(  # noqa: SLF001 - as if read from the database
            id=number, name=f"las:{number}", kind="las", topic=None, is_open=True, endpoint=cast("Any", Endless()),
            in_flight=in_flight,
        )  # fmt: skip
    return made


@pytest.mark.parametrize("files", [-50, 0, 1, 7, 100, 900])
@pytest.mark.parametrize("receivers", [1, 20, 300])
def test_lanes_stay_within_the_files_that_are_left(receivers: int, files: int) -> None:
    """Down to one, and then it is each receiver's turn by chance."""
    destinations = webhooks(receivers)
    destinations.fit_into(files)
    assert sum(destinations.permits().values()) <= max(1, files)
    assert sum(destinations.permits().values()) >= 1
    turns = {destination for _ in range(20) for destination in destinations.permits()}
    assert len(turns) >= min(receivers, 5)


def test_lanes_in_flight_have_their_files_already() -> None:
    """What is left is for others."""
    destinations = webhooks(10, in_flight=20)
    destinations.fit_into(30)
    assert destinations.lanes_at_once == 230
    assert sum(destinations.permits().values()) <= 30


def test_many_files_change_nothing() -> None:
    """The limit of the hub stays."""
    destinations = webhooks(3)
    destinations.fit_into(1_000_000)
    assert destinations.lanes_at_once == LANES_AT_ONCE
