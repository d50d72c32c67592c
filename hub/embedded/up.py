"""Runs a stack until it is told to stop. In: options. Out: a call when everything answers, and a clean end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

from hub.embedded.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from hub.embedded.options import StackOptions


async def run_stack(options: StackOptions, ready: Callable[[Stack], Awaitable[None]]) -> None:
    """Start the stack, call `ready` once all of it answers, and keep it until SIGTERM, SIGINT or SIGHUP.

    A signal during the start ends it too. Raises `EmbeddedUnavailable` (or another `ConfigurationError`) when the stack
    cannot start; nothing is left running then.
    """
    stop = asyncio.Event()
    on_stop_signals(stop.set, signal.SIGTERM, signal.SIGINT)
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


def on_stop_signals(stop: Callable[[], object], *numbers: signal.Signals) -> None:
    """Call `stop` on these signals, and on SIGHUP unless it is ignored, as under `nohup`."""
    loop = asyncio.get_running_loop()
    for number in numbers:
        loop.add_signal_handler(number, stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        terminals = [stream.fileno() for stream in (sys.stdout, sys.stderr) if stream.isatty()]
        loop.add_signal_handler(signal.SIGHUP, _hang_up, terminals, stop)


def _hang_up(terminals: Sequence[int], stop: Callable[[], object]) -> None:
    """Stop after the terminal was closed; what is still printed goes nowhere, since it would fail."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device
        for descriptor in terminals:
            os.dup2(nowhere.fileno(), descriptor)
    stop()


async def _start(stack: Stack, ready: Callable[[Stack], Awaitable[None]]) -> None:
    await stack.start()
    await ready(stack)
