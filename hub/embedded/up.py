"""Runs a stack until it is told to stop. In: a wish. Out: a call when everything answers, and a clean end."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from hub.embedded.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.embedded.wish import Wish


async def run_up(wish: Wish, ready: Callable[[Stack], None]) -> None:
    """Start the stack, call `ready` once all of it answers, and keep it until SIGTERM or SIGINT, also during the start.

    Raises `EmbeddedUnavailable` (or another `ConfigurationError`) when it cannot start; nothing is left running then.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    stack = Stack(wish)
    starting = asyncio.create_task(stack.start())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return
    try:
        await starting
        ready(stack)
        await stopping
    finally:
        stopping.cancel()
        await stack.stop()
