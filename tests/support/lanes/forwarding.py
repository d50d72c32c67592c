"""A forwarder that runs inside a test: real database, real receiver, every part as in production."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from consumers.forwarding import forwarder as forward
from hub import settle
from hub.domain.delivery import IN_LANE, Status
from hub.domain.outcome import Delivered
from hub.settings import load
from hub.settle import LaneResult
from hub.store import lanes, processes
from hub.store.lanes import LaneUpdate, SucceededAttempt
from tests.support.register.subscriptions import KEYS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from hub.settings import Settings
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
    """Take every lane's turn without a network: everything is taken at once. Returns the numbers that were sent."""
    owner, sent = (await processes.enter(c, "forward")).process, []
    permits = {row["id"]: 1000 for row in await c.fetch("select id from destinations")}
    while leases := await lanes.lease(c, owner, permits):
        deliveries = await lanes.read(c, leases, 40)
        runs = [_turn(lease, deliveries[lease.destination, lease.brin]) for lease in leases]
        async with c.transaction():
            await settle.record_attempts(c, owner, runs, datetime.now(UTC))
        sent += [taken.key[2] for run in runs for taken in run.taken]
    return sent


def _turn(lease: Lease, deliveries: list[QueuedDelivery]) -> LaneResult:
    at = datetime.now(UTC)
    taken = [
        SucceededAttempt(
            key=(lease.destination, lease.brin, delivery.message.sequence),
            before=delivery.status,
            outcome=Delivered(at=at, partition=0, offset=delivery.message.sequence),
            expects_report=delivery.expects_report,
            planned_at=delivery.planned_at,
        )
        for delivery in deliveries
        if delivery.status in IN_LANE
    ]
    numbers = [x.message.sequence for x in deliveries if x.status is not Status.CANCELLED]
    through = deliveries[-1].message.sequence
    standing = LaneUpdate(lease=lease, head=through, sent=max(numbers), closed=lease.closed, wait=0.0)
    return LaneResult(standing=standing, taken=taken)
