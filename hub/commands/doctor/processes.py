"""Checks that each role of the hub has a process that makes progress, by the heartbeats in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.commands.doctor.finding import Finding, well, wrong
from hub.commands.doctor.sessions import open_current
from hub.domain.health_words import explain_fault, next_step
from hub.observe.health import read_health

if TYPE_CHECKING:
    from hub.domain.health import RoleHealth
    from hub.settings import Settings


async def check(settings: Settings) -> list[Finding]:
    """Return the findings per role."""
    async with open_current(settings) as c:
        found = await read_health(c)
    return [finding for each in found.roles for finding in _judge(each)]


def _judge(health: RoleHealth) -> list[Finding]:
    if health.is_well:
        return [well(health.role, f"{health.at_work} at work")]
    return [
        wrong(health.role, _begin_small(explain_fault(health.role, fault)), next_step(health.role, fault))
        for fault in health.faults
    ]


def _begin_small(sentence: str) -> str:
    return f"{sentence[:1].lower()}{sentence[1:]}".rstrip(".")
