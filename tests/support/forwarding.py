"""A forwarder that runs inside a test: real database, real receiver, every part as in production."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from consumers import forward
from hub.settings import load
from tests.support.subscribed import KEYS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from hub.settings import Settings

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
        await asyncio.wait_for(running, 10)


async def until(claim: Callable[[], Awaitable[bool]], within: float = 15.0) -> None:
    """Wait until a claim holds; it is a failure when it does not within the bound."""
    async with asyncio.timeout(within):
        while not await claim():
            await asyncio.sleep(0.02)
