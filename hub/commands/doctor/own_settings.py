"""Checks the settings that `serve` and the processes need and that are right only together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hub.commands.doctor.finding import Finding, well, wrong
from hub.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.settings import Settings


async def check(settings: Settings) -> list[Finding]:
    """Return a finding per setting that an installation cannot do without."""
    await asyncio.sleep(0)
    needed: dict[str, Callable[[], object]] = {
        "this hub's OIN": lambda: settings.oin,
        "tokens": settings.check_tokens,
        "sealing keys": lambda: settings.sealing_keys,
    }
    return [_try_one(what, read) for what, read in needed.items()]


def _try_one(what: str, read: Callable[[], object]) -> Finding:
    try:
        read()
    except ConfigurationError as fault:
        return wrong(what, fault.detail, fault.next_step)
    return well(what, "set")
