"""Keeps one program running. In: a program and its log. Out: a process number, and an event when it is ready.

One loop: prepare, start, wait until it answers, watch, and when the process ends start it again, until told to stop.
"""

from __future__ import annotations

import asyncio
import errno
import time
from typing import TYPE_CHECKING, Final

import structlog

from hub.embedded import spawn
from hub.embedded.errors import StartFailed
from hub.errors import EmbeddedUnavailable

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable
    from pathlib import Path

    from hub.embedded.program import Program, Step, Timing

LASTING: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENAMETOOLONG})
"""What the file system says when trying again in a moment is of no use."""
log = structlog.get_logger(__name__)


class ProcessRunner:
    """One program, its present process, and why it failed when it was never ready."""

    def __init__(self, program: Program, log_file: Path, timing: Timing, changed: Callable[[], None]) -> None:
        self.program = program
        self.pid: int | None = None
        self.is_ready = asyncio.Event()
        self.failure: EmbeddedUnavailable | None = None
        self._log_file = log_file
        self._timing = timing
        self._changed = changed
        self._stop = asyncio.Event()
        self._deadline = 0.0
        self._exits = 0
        self._was_ready = False
        self._is_kept_up = False
        self._state = ""
        self._refusal: EmbeddedUnavailable | None = None

    async def run(self) -> None:
        """Keep the program running until `stop`, or until it fails for good before the stack was up."""
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

    def keep_up(self) -> None:
        """Start the program again however often it ends, from now on."""
        self._is_kept_up = True

    def start_failure(self) -> EmbeddedUnavailable:
        """Return why the program is not ready, in words."""
        return self._refusal or StartFailed(self.program.name, self._state, self._log_file, spawn.tail(self._log_file))

    async def _run_once(self) -> int | None:
        self._refusal = None
        try:
            async with asyncio.timeout(self._timing.prepare):
                await self.program.prepare()
            process = await spawn.spawn(self.program, self._log_file)
        except Exception as error:  # noqa: BLE001 - any error of a program's own step is reported and tried again
            self._state = f"it cannot be prepared ({type(error).__name__}: {error})"
            self._refusal = _refusal(self.program, error)
            return None
        self.pid, self._state = process.pid, "it runs but does not answer"
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
        """Kill the process once its data are gone."""
        while not self.program.is_lost():  # noqa: ASYNC110 - no event tells that files are gone
            await asyncio.sleep(self._timing.look)
        log.warning("process.lost_its_data", name=self.program.name, pid=process.pid, next="kill and restart")
        self._exits = 0
        spawn.kill_session(process)

    async def _wait_ready_then_maintain(self, pid: int) -> None:
        """Probe until the process answers, run `on_ready`, then `maintain` it for as long as it runs."""
        while not await self._probe(pid):  # noqa: ASYNC110 - another process is probed
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
        is_answering = False

        async def ask() -> None:
            nonlocal is_answering
            is_answering = await self.program.probe(pid)

        return await self._succeeds(ask, self._timing.answer) and is_answering

    async def _succeeds(self, step: Step, within: float) -> bool:
        try:
            async with asyncio.timeout(within):
                await step()
        except Exception as error:  # noqa: BLE001 - a server that starts or ends fails in many ways: ask again
            self._state = f"it runs but does not answer well ({type(error).__name__}: {error})"
            return False
        return True

    def _record_exit(self, code: int | None, ran_for: float) -> None:
        """Count an exit, and give the program up when another try is of no use and the stack was never up."""
        was_steady = self._was_ready and ran_for > self._timing.steady
        self._exits = 1 if was_steady else self._exits + 1
        if code is not None:
            self._state = f"it ends with code {code}"
            if self.program.is_lost():  # its data vanished under it, which says nothing about the next start
                self._exits = 0
        most = self._timing.flaps if self._was_ready else self._timing.tries
        is_refused = not self._was_ready and (self._refusal is not None or code in self.program.fatal_exit_codes)
        if not self._is_kept_up and (is_refused or self._exits >= most):
            self.failure = self.start_failure()
            return
        name, why = self.program.name, self._state
        log.warning("process.ended", name=name, code=code, why=why, exits=self._exits, next="restart")

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return


def _refusal(program: Program, error: Exception) -> EmbeddedUnavailable | None:
    """Return why another try is of no use; None when it may help."""
    if isinstance(error, EmbeddedUnavailable):
        return error
    if isinstance(error, OSError) and error.errno in LASTING:
        return EmbeddedUnavailable(f"{program.name} cannot be prepared: {error}")
    return None
