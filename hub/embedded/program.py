"""What the supervisor keeps running. In: a command and how to tell that it answers. Out: data, no behaviour.

The table of programs is a value, so that tests run the same supervisor with small programs of their own.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    from hub.embedded.accounts import UnixAccount

Step: TypeAlias = Callable[[], Awaitable[None]]
ReadinessProbe: TypeAlias = Callable[[int], Awaitable[bool]]

WRONG_CONFIGURATION: Final = 2
"""The exit code by which our own commands say that trying again is of no use."""


async def do_nothing() -> None:
    """Do nothing."""
    await asyncio.sleep(0)


async def always_ready(_pid: int) -> bool:
    """Return that a program is ready as soon as it runs."""
    await asyncio.sleep(0)
    return True


def never() -> bool:
    """Return False."""
    return False


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """One process of the stack.

    `prepare` runs before each start; `probe` is called with the process number until it returns True; then `on_ready`
    runs, and only after it the program counts as ready; `maintain` runs every now and then while it is. An error of
    these means "not yet": they are called again. A program that `is_lost` is killed and started again. `environment`
    is whole: nothing is inherited.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    depends_on: tuple[str, ...] = ()
    prepare: Step = do_nothing
    probe: ReadinessProbe = always_ready
    on_ready: Step = do_nothing
    maintain: Step = do_nothing
    is_lost: Callable[[], bool] = never
    account: UnixAccount | None = None
    folder: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    fatal_exit_codes: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """How patient the supervisor is, in seconds.

    `tries` is how often a program may end before it was ever ready, `flaps` how often in a row it may end soon after it
    was, before all others are.
    """

    look: float = 0.2
    ask: float = 0.05
    answer: float = 5.0
    on_ready: float = 60.0
    prepare: float = 60.0
    maintain: float = 2.0
    again: tuple[float, ...] = field(default=(0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0))
    steady: float = 10.0
    tries: int = 3
    flaps: int = 6

    def pause(self, exits: int) -> float:
        """Return how long to wait before the start that follows so many exits in a row."""
        return self.again[min(exits, len(self.again)) - 1] if exits else 0.0
