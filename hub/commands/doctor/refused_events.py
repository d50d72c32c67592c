"""Checks that no event waits because our broker refused it, or because the hub could not write it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.commands.doctor.finding import Finding, well, wrong
from hub.commands.doctor.sessions import open_current
from hub.store import published_events

if TYPE_CHECKING:
    from hub.settings import Settings

MOST_TOLD: Final = 5


async def check(settings: Settings) -> list[Finding]:
    """Return a finding for each of the first schools whose events wait."""
    async with open_current(settings) as c:
        refused = await published_events.read_refused(c, MOST_TOLD)
    what = "refused events"
    return [
        wrong(
            what,
            f"event {event.number} of school {event.brin} is not published, and those after it wait: {event.because}",
            "Raise max.message.bytes of osr.mandates.v1 when it is too large; it is tried again each minute",
        )
        for event in refused
    ] or [well(what, "none")]
