"""Runs `osr-hub` as a program does. In: a database and words. Out: the exit code, and the output."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any, Final

import orjson

PATIENCE_SECONDS: Final = 120.0


async def osr_hub(dsn: str, *words: str, **settings: str) -> tuple[int, str, str]:
    """Run a command as a program does, and return its code and both its outputs."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OSR_HUB_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hub.cli", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**environment, "OSR_HUB_DATABASE__DSN": dsn, **settings},
    )
    said, failed = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    return process.returncode or 0, said.decode(), failed.decode()


async def read(dsn: str, *words: str) -> Any:
    """Run a command with `--json` and return its body."""
    code, said, failed = await osr_hub(dsn, *words, "--json")
    assert code == 0, failed
    return orjson.loads(said)
