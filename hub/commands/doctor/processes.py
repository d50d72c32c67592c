"""Checks that each role of the hub has a process at work, by the heartbeats in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.clock import now
from hub.commands.doctor.finding import Finding, well, wrong
from hub.commands.doctor.sessions import open_current
from hub.observe.lag import LagReader

if TYPE_CHECKING:
    from hub.settings import Settings

ROLES: Final = {
    "produce": "osr-produce",
    "plan": "osr-consume plan",
    "forward": "osr-consume forward",
    "reports": "osr-consume reports",
}


async def check(settings: Settings) -> list[Finding]:
    """Return a finding per role."""
    async with open_current(settings) as c:
        at_work = (await LagReader().read(c, now())).processes
    return [_judge(role, at_work.get(role, 0)) for role in ROLES]


def _judge(role: str, count: int) -> Finding:
    if count:
        return well(role, f"{count} at work")
    return wrong(role, "none is at work", f"start `{ROLES[role]}`")
