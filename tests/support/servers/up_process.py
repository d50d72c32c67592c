"""`osr-hub up` as a process that may fail. In: options, environment, terminal. Out: what it printed, and its end."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import termios
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.servers.stacks import COMMANDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

READY_SECONDS = 240.0
END_SECONDS = 30.0


@dataclass
class UpProcess:
    """One run: its process, and the lines that it printed so far."""

    process: asyncio.subprocess.Process
    began: float
    lines: list[str] = field(default_factory=list)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    seconds: float = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether it printed READY."""
        return self.ready.is_set()

    @property
    def said(self) -> str:
        """All that it printed."""
        return "".join(self.lines)

    async def until_ready_or_ended(self) -> None:
        """Wait for READY or for the end, whichever comes first."""
        waiting = [asyncio.create_task(self.ready.wait()), asyncio.create_task(self.process.wait())]
        try:
            done, _ = await asyncio.wait(waiting, timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            assert done, f"neither READY nor ended after {READY_SECONDS:g} s:\n{self.said}"
            self.seconds = time.monotonic() - self.began
        finally:
            for task in waiting:
                task.cancel()

    async def ended(self) -> int:
        """Wait for the end and return the exit code."""
        async with asyncio.timeout(END_SECONDS):
            return await self.process.wait()


@asynccontextmanager
async def osr_hub_up(
    *words: str, environment: Mapping[str, str] | None = None, command: Sequence[str] = ("up",), **more: Any
) -> AsyncIterator[UpProcess]:
    """Run it on pipes for as long as the context lasts; `more` goes to the process."""
    process = await asyncio.create_subprocess_exec(
        str(COMMANDS / "osr-hub"),
        *command,
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(os.environ if environment is None else environment),
        **more,
    )
    assert process.stdout is not None
    async with _followed(process, process.stdout) as it:
        yield it


@asynccontextmanager
async def osr_hub_up_on_a_terminal(*words: str, **settings: str) -> AsyncIterator[tuple[UpProcess, Callable[[], None]]]:
    """Run it on a terminal of its own, and yield a function that closes that terminal."""
    ours, theirs = os.openpty()
    process = await asyncio.create_subprocess_exec(
        str(COMMANDS / "osr-hub"),
        "up",
        *words,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, **settings},
        start_new_session=True,
        preexec_fn=_take_terminal,
    )
    os.close(theirs)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    end = os.fdopen(ours, "rb", buffering=0)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), end)
    async with _followed(process, reader) as it:
        yield it, transport.close
    transport.close()


def _take_terminal() -> None:
    """Make standard input the terminal that hangs up, and heed that also where the tests run under `nohup`."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@asynccontextmanager
async def _followed(process: asyncio.subprocess.Process, output: asyncio.StreamReader) -> AsyncIterator[UpProcess]:
    it = UpProcess(process, time.monotonic())

    async def follow() -> None:
        try:
            async for line in output:
                it.lines.append(line.decode(errors="replace"))
                if it.lines[-1].startswith("READY "):
                    it.ready.set()
        except OSError:
            return  # the terminal is gone

    following = asyncio.create_task(follow())
    try:
        yield it
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await it.ended()
            except TimeoutError:
                process.kill()
                await process.wait()
        await asyncio.wait({following}, timeout=5)
        following.cancel()
