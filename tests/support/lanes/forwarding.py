"""A forwarder that runs inside a test: real database, real receiver, every part as in production."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from consumers.forwarding import forwarder as forward
from consumers.forwarding.destination import Destination
from consumers.forwarding.lane_progress import LaneProgress
from hub import settle
from hub.domain.delivery import Delivered
from hub.settings import load
from hub.store import lanes, processes
from tests.support.register.subscriptions import KEYS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from hub.settings import Settings
    from hub.settle import LaneResult
    from hub.store.lanes import Lease, QueuedDelivery
    from hub.store.pool import Connection

HUB_OIN = "00000099000000000001"


def settings_for(database: str, more: Mapping[str, str] | None = None) -> Settings:
    """Make the settings of a hub on this database; receivers on loopback are allowed."""
    return load(
        {
            "OSR_HUB_DATABASE__DSN": database,
            "OSR_HUB_OIN": HUB_OIN,
            "OSR_HUB_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "OSR_HUB_SECRETS__KEYS": KEYS[0].get_secret_value(),
            "OSR_HUB_WEBHOOK__ALLOWED_NETWORKS": "127.0.0.0/8",
            "OSR_HUB_WEBHOOK__TIMEOUT_SECONDS": "2",
            "OSR_HUB_WEBHOOK__RETRY_SCHEDULE": "1,1,1,1,1",
            **(more or {}),
        }
    )


@asynccontextmanager
async def forwarder(settings: Settings) -> AsyncIterator[None]:
    """Run a forwarder while the block runs, and stop it as SIGTERM does."""
    stop = asyncio.Event()
    running = asyncio.create_task(forward.run(settings, stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(running, 60)


async def until(claim: Callable[[], Awaitable[bool]], within: float = 90.0) -> None:
    """Wait until a claim holds; it is a failure when it does not within the bound."""
    async with asyncio.timeout(within):
        while not await claim():
            await asyncio.sleep(0.02)


async def deliver_all(c: Connection) -> list[int]:
    """Deliver all lanes without a network: everything is accepted at once. Return the numbers that were sent."""
    owner, sent = (await processes.enter(c, "forward")).process, []
    permits = {row["id"]: 1000 for row in await c.fetch("select id from destinations")}
    while taken := await lanes.take(c, owner, permits, 40):
        runs = [_delivered(lease, deliveries) for lease, deliveries in taken.items()]
        async with c.transaction():
            await settle.record_attempts(c, owner, runs, datetime.now(UTC))
        sent += [attempt.key.sequence for run in runs for attempt in run.succeeded]
    return sent


def _delivered(lease: Lease, deliveries: list[QueuedDelivery]) -> LaneResult:
    at = datetime.now(UTC)
    queue = Destination(id=lease.destination, name="queue", kind="duo", topic="queue")
    progress = LaneProgress(lease=lease, destination=queue)
    for delivery in deliveries:
        if not progress.skips(delivery):
            progress.record(delivery, Delivered(at=at, partition=0, offset=delivery.message.sequence), at)
    return progress.result()
