"""The scenarios by name, in the order in which they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.bench.scenarios import (
    grown,
    latency,
    ledger,
    national,
    parts,
    receiver_limit,
    receivers,
    rivals,
    side_by_side,
    sustained,
    way_in,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tests.bench.figures import Figure
    from tests.bench.world import World

    Scenario = Callable[[World], Awaitable[Sequence[Figure]]]

SCENARIOS: Final[dict[str, Scenario]] = {
    "webhooks": sustained.webhooks,
    "queue": sustained.queue,
    "latency": latency.latency,
    "parts": parts.parts,
    "receiver": receiver_limit.receiver_limit,
    "bare": rivals.bare_own_client,
    "bare-pyreqwest": rivals.bare_pyreqwest,
    "one-by-one": rivals.one_by_one,
    "task-queue": rivals.task_queue,
    "way-in": way_in.way_in,
    "hot-schools": receivers.hot_schools,
    "copy-lane": receivers.copy_lane,
    "slow-receiver": receivers.slow_receiver,
    "dead-receiver": receivers.dead_receiver,
    "national": national.national,
    "side-by-side": side_by_side.side_by_side,
    "ledger": ledger.ledger,
}
LONG: Final[dict[str, Scenario]] = {"growth": grown.growth}
"""Scenarios that run only when they are asked for."""
OURS: Final = ("webhooks", "deliveries settled")
RIVALS: Final = ("bare", "bare-pyreqwest", "one-by-one", "task-queue")
TAKEN: Final = "messages taken"
