"""`osr-hub demo` as a stranger runs it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.servers.stacks import COMMANDS, UNAVAILABLE

if TYPE_CHECKING:
    from pathlib import Path

MANDATES: Final = 400


async def _demo(*options: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(str(COMMANDS / "osr-hub"), "demo", *options),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, said.decode()


async def test_the_demo_tells_its_story_and_stops(tmp_path: Path) -> None:
    """It ends with right books and exit code 0, and leaves nothing running."""
    code, said = await _demo("--data-dir", str(tmp_path / "demo"), "--mandates", str(MANDATES))
    if code == UNAVAILABLE:
        pytest.exit(said, returncode=UNAVAILABLE)
    assert code == 0, said
    assert said.rstrip().endswith("the ledger is consistent.")
    assert f"{MANDATES} mandates of 735 schools" in said
    assert "needs routing" in said
    assert not (tmp_path / "demo" / "connection.json").exists()


async def test_a_folder_with_a_register_is_not_emptied_unasked(tmp_path: Path) -> None:
    """What an earlier stack left is kept until --fresh is given: exit code 2, and what to do."""
    (tmp_path / "postgres").mkdir()
    code, said = await _demo("--data-dir", str(tmp_path))
    assert code == 2
    assert "--fresh" in said
    assert (tmp_path / "postgres").exists()
