"""Runs the commands of a guide as they are written. In: its name, what its reader has. Out: what was printed."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.guides.starting_points import GUIDES

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMANDS: Final = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
BEFORE: Final = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait || true' EXIT\n"
SECONDS: Final = 120


async def run_guide(name: str, folder: Path, settings: Mapping[str, str]) -> str:
    """Run all blocks of commands of a guide in one shell, in a folder; fail with what was printed when one fails."""
    blocks = COMMANDS.findall((GUIDES / f"{name}.en.md").read_text())
    assert len(blocks) > 3
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OSR_")}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", BEFORE + "\n".join(blocks)),
        cwd=folder,
        env={**kept, **settings, "PATH": path},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, said.decode(errors="replace")
    return said.decode()
