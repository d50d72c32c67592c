"""Checks the machine and the user that the hub runs as: open files, temporary folder."""

from __future__ import annotations

import asyncio
import resource
import shutil
import tempfile
from typing import TYPE_CHECKING, Final

from hub.commands.doctor.finding import Finding, well, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.settings import Settings

FEW_FILES: Final = 1024
MEGABYTE: Final = 2**20
FEW_BYTES: Final = 100 * MEGABYTE


async def check(_settings: Settings) -> list[Finding]:
    """Return a finding per limit of this machine that the hub runs into."""
    return [_open_files(), *await asyncio.to_thread(_temporary_folder)]


def _open_files() -> Finding:
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed < FEW_FILES:
        return wrong("open files", f"a process may open {allowed} only", f"Allow {FEW_FILES} or more (`ulimit -n`)")
    return well("open files", f"a process may open {allowed}")


def _temporary_folder() -> Iterator[Finding]:
    try:
        with tempfile.TemporaryFile():
            folder = tempfile.gettempdir()
    except OSError as error:
        yield wrong("temporary folder", error.strerror or str(error), "Name one that can be written in TMPDIR")
        return
    free = shutil.disk_usage(folder).free
    if free < FEW_BYTES:
        yield wrong("temporary folder", f"{folder} has {free / MEGABYTE:.0f} MB left", "Make room")
    else:
        yield well("temporary folder", folder)
