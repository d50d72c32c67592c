"""Runs a stack until it is told to stop. In: a wish. Out: a call when everything answers, and a clean end."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from hub.embedded.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hub.embedded.options import StackOptions


async def run_stack(options: StackOptions, ready: Callable[[Stack], Awaitable[None]]) -> None:
    """Start the stack, call `ready` once all of it answers, and keep it until SIGTERM or SIGINT, also during the start.

    Raises `EmbeddedUnavailable` (or another `ConfigurationError`) when it cannot start; nothing is left running then.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    stack = Stack(options)
    stopping = asyncio.create_task(stop.wait())
    beginning = asyncio.create_task(_start(stack, ready))
    try:
        await asyncio.wait({beginning, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if beginning.done():
            await beginning
            await stopping
    finally:
        for task in (beginning, stopping):
            task.cancel()
        await asyncio.gather(beginning, stopping, return_exceptions=True)
        await stack.stop()


async def _start(stack: Stack, ready: Callable[[Stack], Awaitable[None]]) -> None:
    await stack.start()
    await ready(stack)
