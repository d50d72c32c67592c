"""Keeps one program running. In: a program and its log. Out: a process number, and a sign that it is ready.

Its life is one loop: prepare, start, wait until it answers, watch, and when it ends begin anew, until told to stop.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog

from hub.embedded import spawn
from hub.embedded.errors import StartFailed

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable
    from pathlib import Path

    from hub.embedded.program import Program, Step, Timing

log = structlog.get_logger(__name__)


class ProcessRunner:
    """One program, its present process, and what went wrong with it before it was ever ready."""

    def __init__(self, program: Program, log_file: Path, pace: Timing, changed: Callable[[], None]) -> None:
        self.program = program
        self.pid: int | None = None
        self.is_ready = asyncio.Event()
        self.failure: StartFailed | None = None
        self._log_file = log_file
        self._timing = pace
        self._changed = changed
        self._stop = asyncio.Event()
        self._deadline = 0.0
        self._exits = 0
        self._was_ready = False
        self._stage = ""

    async def run(self) -> None:
        """Keep the program running until `stop`, or until it proves hopeless before it was ever ready."""
        while not self._stop.is_set():
            started = time.monotonic()
            code = await self._run_once()
            if self._stop.is_set():
                return
            self._record_exit(code, ran_for=time.monotonic() - started)
            if self.failure is not None:
                return
            await self._wait(self._timing.pause(self._exits))

    def stop(self, deadline: float) -> None:
        """Ask the program to end, by force at `deadline` (of the monotonic clock); `run` returns when it has."""
        self._deadline = deadline
        self._stop.set()

    def start_failure(self) -> StartFailed:
        """Say in words why the program is not ready."""
        return StartFailed(self.program.name, self._stage, self._log_file, spawn.tail(self._log_file))

    async def _run_once(self) -> int | None:
        try:
            async with asyncio.timeout(self._timing.prepare):
                await self.program.prepare()
            process = await spawn.spawn(self.program, self._log_file)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is named and tried again
            self._stage = f"it cannot be prepared ({type(error).__name__}: {error})"
            return None
        self.pid, self._stage = process.pid, "it runs but does not answer"
        self._changed()
        try:
            return await self._supervise(process)
        finally:
            spawn.kill_session(process)
            self.is_ready.clear()
            self.pid = None

    async def _supervise(self, process: Process) -> int:
        ended = asyncio.create_task(process.wait())
        others = [
            asyncio.create_task(work)
            for work in (self._stop.wait(), self._watch_data(process), self._wait_ready_then_maintain(process.pid))
        ]
        try:
            await asyncio.wait({ended, others[0]}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        if not ended.done():
            await spawn.terminate(process, self.program.stop_signal, self._deadline)
        return await ended

    async def _watch_data(self, process: Process) -> None:
        """Kill the process once what it lives on is gone."""
        while not self.program.is_lost():  # noqa: ASYNC110 - files tell nobody that they are gone
            await asyncio.sleep(self._timing.look)
        log.warning("process.lost_its_data", name=self.program.name, pid=process.pid, next="killed and started anew")
        self._exits = 0
        spawn.kill_session(process)

    async def _wait_ready_then_maintain(self, pid: int) -> None:
        """Ask until it answers, settle it, say that it is ready, and tend it for as long as it lives."""
        while not await self._probe(pid):  # noqa: ASYNC110 - what is asked is another process
            await asyncio.sleep(self._timing.ask)
        while not await self._succeeds(self.program.on_ready, self._timing.on_ready):  # noqa: ASYNC110
            await asyncio.sleep(self._timing.ask)
        self._was_ready = True
        self.is_ready.set()
        log.info("process.ready", name=self.program.name, pid=pid)
        while True:
            await asyncio.sleep(self._timing.maintain)
            await self._succeeds(self.program.maintain, self._timing.answer)

    async def _probe(self, pid: int) -> bool:
        probe = False

        async def ask() -> None:
            nonlocal probe
            probe = await self.program.probe(pid)

        return await self._succeeds(ask, self._timing.answer) and probe

    async def _succeeds(self, step: Step, within: float) -> bool:
        try:
            async with asyncio.timeout(within):
                await step()
        except Exception as error:  # noqa: BLE001 - a server that starts or dies answers in many ways: ask again
            self._stage = f"it runs but does not answer well ({type(error).__name__}: {error})"
            return False
        return True

    def _record_exit(self, code: int | None, ran_for: float) -> None:
        """Count a death, and give the program up when it was never ready and there is no hope."""
        self._exits = 1 if ran_for > self._timing.steady else self._exits + 1
        if code is not None:
            self._stage = f"it ends with code {code}"
        fatal_exit_codes = code in self.program.fatal_exit_codes or self._exits >= self._timing.tries
        if fatal_exit_codes and not self._was_ready:
            self.failure = self.start_failure()
            return
        name, why = self.program.name, self._stage
        log.warning("process.ended", name=name, code=code, why=why, deaths=self._exits, next="started again")

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return
