"""Checks that the keys in the settings open the secrets in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.commands.doctor.finding import Finding, counted, well, wrong
from hub.commands.doctor.sessions import open_current
from hub.operations import keys

if TYPE_CHECKING:
    from hub.settings import Settings


async def check(settings: Settings) -> list[Finding]:
    """Return one finding; none where no sealing key is set, which is a finding of the settings."""
    if not settings.secrets.keys:
        return []
    async with open_current(settings) as c:
        older, closed = await keys.count_outdated(c, settings.secrets.keys)
    if closed:
        owners = ", ".join(sorted({each.owner for each in closed}))
        words = f"no key opens {len(closed)} of them, of {owners}"
        return [wrong("sealed secrets", words, "Put the key that sealed them back")]
    words = (
        f"{counted(older, 'needs', 'need')} an older key: `osr-hub keys reseal`"
        if older
        else "all under the newest key"
    )
    return [well("sealed secrets", words)]
