"""Starts and ends single processes. In: a program or a command. Out: a running process, its end, or its output.

Each starts as `parent_death.py`, which becomes the program under the same process number and dies with this process.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Mapping, Sequence

    from hub.embedded.accounts import UnixAccount
    from hub.embedded.program import Program

PARENT_DEATH_SCRIPT: Final = str(Path(__file__).with_name("parent_death.py"))
TAIL_BYTES: Final = 1_500
MAX_LOG_BYTES: Final = 20_000_000


class CommandFailed(Exception):  # noqa: N818 - an outcome that the supervisor tries again
    """A command ended with an error; `said` is all that it printed."""

    def __init__(self, command: str, said: str) -> None:
        super().__init__(f"{command} failed: {said.strip()[-500:]}")
        self.said = said


async def spawn(program: Program, log_file: Path) -> Process:
    """Start a program in a session of its own, so that Ctrl-C reaches only the supervisor."""
    _rotate(log_file)
    with log_file.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *with_parent_death(program.command, program.account, program.death_signal),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(program.environment),
            cwd=program.folder,
            start_new_session=True,
        )


def with_parent_death(
    command: Sequence[str], account: UnixAccount | None, death_signal: signal.Signals
) -> tuple[str, ...]:
    """Return the words that run a command as a user, and end it when this process ends."""
    who = (str(account.uid), str(account.gid)) if account else ("-", "-")
    return (sys.executable, "-I", "-S", PARENT_DEATH_SCRIPT, str(os.getpid()), str(int(death_signal)), *who, *command)


async def run_to_end(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    account: UnixAccount | None = None,
    folder: Path | None = None,
) -> str:
    """Run a short command, as `account` where one is given, and return its output; raise `CommandFailed` on failure."""
    process = await asyncio.create_subprocess_exec(
        *with_parent_death(command, account, signal.SIGKILL),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(environment),
        cwd=folder,
        start_new_session=True,
    )
    try:
        output, _ = await process.communicate()
    finally:
        kill_session(process)  # this task may have been cancelled
    said = output.decode(errors="replace")
    if process.returncode:
        raise CommandFailed(command[0], said)
    return said


async def terminate(process: Process, ask_with: signal.Signals, deadline: float) -> None:
    """Ask a process to end, and force it when it still runs at `deadline` (of the monotonic clock)."""
    with suppress(ProcessLookupError):  # it ended by itself meanwhile
        process.send_signal(ask_with)
    try:
        async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
            await process.wait()
    except TimeoutError:
        kill_session(process)
        await process.wait()


def kill_session(process: Process) -> None:
    """Kill a process and all others in its session."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def tail(log_file: Path) -> str:
    """Return the last lines of a log."""
    if not log_file.exists():
        return ""
    with log_file.open("rb") as file:
        file.seek(max(0, log_file.stat().st_size - TAIL_BYTES))
        return file.read().decode(errors="replace").strip()


def _rotate(log_file: Path) -> None:
    if log_file.exists() and log_file.stat().st_size > MAX_LOG_BYTES:
        log_file.replace(log_file.with_suffix(".old.log"))
