"""Starts and ends single processes. In: a program or a command. Out: a running process, its end, or what it said.

Each begins as the tether, which becomes the program: its number is the program's own, and it dies with us.
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

    from hub.embedded.accounts import Account
    from hub.embedded.program import Program

TETHER: Final = str(Path(__file__).with_name("tether.py"))
TAIL_BYTES: Final = 1_500
FULL_LOG_BYTES: Final = 20_000_000


class CommandFailed(Exception):  # noqa: N818 - an outcome that the supervisor tries again
    """A command ended with an error; `said` is all it printed."""

    def __init__(self, command: str, said: str) -> None:
        super().__init__(f"{command} failed: {said.strip()[-500:]}")
        self.said = said


async def spawn(program: Program, log_file: Path) -> Process:
    """Start a program in a session of its own, so that Ctrl-C reaches only the supervisor."""
    _turn_over(log_file)
    with log_file.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *tied(program.command, program.account, program.dies_with),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(program.environment),
            cwd=program.folder,
            start_new_session=True,
        )


def tied(command: Sequence[str], account: Account | None, dies_with: signal.Signals) -> tuple[str, ...]:
    """Return the words that start a command as a user, tied to the life of this process."""
    who = (str(account.uid), str(account.gid)) if account else ("-", "-")
    return (sys.executable, "-I", "-S", TETHER, str(os.getpid()), str(int(dies_with)), *who, *command)


async def run_to_end(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    account: Account | None = None,
    folder: Path | None = None,
) -> str:
    """Run a short command, as another user where one is given, and return what it said; `CommandFailed` otherwise."""
    process = await asyncio.create_subprocess_exec(
        *tied(command, account, signal.SIGKILL),
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
        force(process)  # we were told to stop meanwhile
    said = output.decode(errors="replace")
    if process.returncode:
        raise CommandFailed(command[0], said)
    return said


async def end(process: Process, ask_with: signal.Signals, deadline: float) -> None:
    """Ask a process to end, and force it when it still runs at `deadline` (of the monotonic clock)."""
    with suppress(ProcessLookupError):  # it ended by itself meanwhile
        process.send_signal(ask_with)
    try:
        async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
            await process.wait()
    except TimeoutError:
        force(process)
        await process.wait()


def force(process: Process) -> None:
    """Kill a process and whatever it started in its session."""
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


def _turn_over(log_file: Path) -> None:
    if log_file.exists() and log_file.stat().st_size > FULL_LOG_BYTES:
        log_file.replace(log_file.with_suffix(".old.log"))
