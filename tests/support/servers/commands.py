"""Runs `osr-hub` as a program does. In: a database and words. Out: the exit code, and what was printed."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import sys
from typing import Any, Final

import orjson

TIMEOUT_SECONDS: Final = 120.0
WIDE: Final = {"COLUMNS": "500", "TERM": "xterm-256color"}


async def osr_hub(dsn: str, *words: str, **settings: str) -> tuple[int, str, str]:
    """Run a command in a pipe, and return its code and what it wrote to both streams."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hub.cli", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(dsn, settings),
    )
    said, failed = await asyncio.wait_for(process.communicate(), TIMEOUT_SECONDS)
    return process.returncode or 0, said.decode(), failed.decode()


async def osr_hub_on_terminal(dsn: str, *words: str) -> tuple[int, str]:
    """Run a command on a wide terminal, and return its code and everything that the terminal got."""
    ours, its = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hub.cli", *words), stdout=its, stderr=its, env=_environment(dsn, WIDE)
        )
        os.close(its)
        shown = await asyncio.wait_for(asyncio.to_thread(_read_all, ours), TIMEOUT_SECONDS)
        return await process.wait(), shown
    finally:
        os.close(ours)


async def interrupted(dsn: str, *words: str, after: str, times: int) -> tuple[int, str]:
    """Run a command on a terminal of 80 columns and press Ctrl-C when a text was shown so often; return as above."""
    ours, its = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hub.cli", *words),
            stdout=its, stderr=its, env=_environment(dsn, {"COLUMNS": "80", "LINES": "50", "TERM": "xterm-256color"}),
        )  # fmt: skip
        os.close(its)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            shown = b""
            while shown.count(after.encode()) < times:
                shown += await asyncio.to_thread(os.read, ours, 65_536)
            process.send_signal(signal.SIGINT)
            shown += (await asyncio.to_thread(_read_all, ours)).encode()
            return await process.wait(), shown.decode()
    finally:
        os.close(ours)


async def read(dsn: str, *words: str) -> Any:
    """Run a command with `--json` and return its body."""
    code, said, failed = await osr_hub(dsn, *words, "--json")
    assert code == 0, failed
    return orjson.loads(said)


def _environment(dsn: str, settings: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OSR_HUB_")}
    return {**kept, "OSR_HUB_DATABASE__DSN": dsn, **settings}


def _read_all(terminal: int) -> str:
    """Read until the last process closes its end, which Linux tells as an error."""
    parts = []
    try:
        while part := os.read(terminal, 65_536):
            parts.append(part)
    except OSError:
        pass
    return b"".join(parts).decode()
