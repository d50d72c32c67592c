"""Runs a table of programs. In: programs and their order. Out: all of them ready, kept running, and ended in reverse.

`changed` is called at every start of a process, so that the caller can publish its number.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from hub.embedded.process_runner import ProcessRunner
from hub.embedded.program import Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hub.embedded.program import Program

START_WITHIN: Final = 180.0
STOP_WITHIN: Final = 8.5
SERVERS_SHARE: Final = 3.5
"""The part of the time to stop that is kept for the servers: a database that is killed recovers slowly."""


class Supervisor:
    """The programs of one stack."""

    def __init__(
        self, programs: Sequence[Program], *, logs: Path, pace: Timing | None = None, changed: Callable[[], None]
    ) -> None:
        self._runners = {
            program.name: ProcessRunner(program, logs / f"{program.name}.log", pace or Timing(), changed)
            for program in programs
        }
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def pids(self) -> tuple[tuple[str, int], ...]:
        """Name and process number of what runs now, in the order of the table."""
        return tuple((name, runner.pid) for name, runner in self._runners.items() if runner.pid is not None)

    async def start(self, within: float = START_WITHIN) -> None:
        """Start all in their order and return when all are ready; `EmbeddedUnavailable` names the one that is not."""
        self._tasks = {name: asyncio.create_task(self._run(runner)) for name, runner in self._runners.items()}
        ready = asyncio.create_task(self.wait_ready())
        try:
            await asyncio.wait({ready, *self._tasks.values()}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                raise self._first_failure()
            for runner in self._runners.values():
                runner.keep_up()
        finally:
            ready.cancel()
            await asyncio.gather(ready, return_exceptions=True)

    async def stop(self, within: float = STOP_WITHIN) -> None:
        """End all programs, dependents first; kill those that do not end in their share of the time."""
        levels = list(reversed(self._levels()))
        now, share = time.monotonic(), min(SERVERS_SHARE, within / 2)
        for number, level in enumerate(levels, start=1):
            is_last = number == len(levels)
            bound = within if is_last else (within - share) * number / (len(levels) - 1)
            for name in reversed(level):
                self._runners[name].stop(now + bound)
            await asyncio.gather(*(self._ended(name) for name in level))

    async def wait_ready(self) -> None:
        """Return when all programs are ready at the same time."""
        while not all(runner.is_ready.is_set() for runner in self._runners.values()):
            for runner in self._runners.values():
                await runner.is_ready.wait()

    async def _run(self, runner: ProcessRunner) -> None:
        for name in runner.program.depends_on:
            await self._runners[name].is_ready.wait()
        await runner.run()

    async def _ended(self, name: str) -> None:
        task = self._tasks.get(name)
        if task is None:
            return
        if self._runners[name].pid is None:  # it waits for others, or is being prepared
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def _first_failure(self) -> BaseException:
        for task in self._tasks.values():
            error = task.exception() if task.done() and not task.cancelled() else None
            if error is not None:
                return error
        waiting = [runner for runner in self._runners.values() if not runner.is_ready.is_set()]
        for runner in waiting:
            if runner.failure is not None:
                return runner.failure
        return waiting[0].start_failure()

    def _levels(self) -> list[list[str]]:
        """Group the programs: the first level needs nothing, each other one needs something of the level before it."""
        depth: dict[str, int] = {}
        for name, runner in self._runners.items():
            depth[name] = 1 + max((depth[other] for other in runner.program.depends_on), default=-1)
        return [[name for name in depth if depth[name] == level] for level in sorted(set(depth.values()))]
