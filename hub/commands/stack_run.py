"""Runs what plays on a stack of its own. In: the play. Out: an exit code, and on an error a sentence.

Exit codes: 0 as expected, 1 not as expected or late, 143 ended by SIGTERM, another one of a command that failed.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Final

from pyreqwest.exceptions import PyreqwestError

from hub.commands.output import print_line
from hub.demo.stage import DemoCommandFailed
from hub.demo.watch import NotSettled
from hub.embedded.up import on_stop_signals
from hub.simulators.hub import HubApiError

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

FAILED: Final = 1
TERMINATED: Final = 143


def run_play(play: Coroutine[Any, Any, bool]) -> int:
    """Play in a task that SIGTERM ends with all its processes, and return the exit code."""
    try:
        return 0 if asyncio.run(_until_stopped(play)) else FAILED
    except asyncio.CancelledError:
        return TERMINATED
    except (NotSettled, HubApiError, PyreqwestError) as fault:
        print_line(f"osr-hub: {fault}", is_error=True)
        return FAILED
    except DemoCommandFailed as said:
        print_line(f"osr-hub: {said}", is_error=True)
        return said.code


async def _until_stopped(play: Coroutine[Any, Any, bool]) -> bool:
    playing = asyncio.create_task(play)
    on_stop_signals(playing.cancel, signal.SIGTERM)
    return await playing
