"""Checks that each role has a process that makes progress, and all processes one version, by their heartbeats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.commands.doctor.finding import Finding, well, wrong
from hub.commands.doctor.sessions import open_current
from hub.domain.health_words import explain_fault, next_step
from hub.observe.health import read_health
from hub.store.processes import own_version

if TYPE_CHECKING:
    from hub.domain.health import ProcessReport, RoleHealth
    from hub.settings import Settings


async def check(settings: Settings) -> list[Finding]:
    """Return the findings per role."""
    async with open_current(settings) as c:
        found = await read_health(c)
    others = [each for each in found.processes if each.version != own_version()]
    return [*(finding for each in found.roles for finding in _judge(each)), *map(_other_version, others)]


def _judge(health: RoleHealth) -> list[Finding]:
    if health.is_well:
        versions = f", version {' and '.join(health.versions)}" if health.versions else ""
        return [well(health.role, f"{health.at_work} at work{versions}")]
    return [
        wrong(health.role, _begin_small(explain_fault(health.role, fault)), next_step(health.role, fault))
        for fault in health.faults
    ]


def _other_version(process: ProcessReport) -> Finding:
    runs = f"runs version {process.version}" if process.version else "runs a version that does not tell its number"
    words = f"process {process.pid} on {process.host} {runs}, and this command is of {own_version()}"
    return wrong(process.role, words, "Bring all to one version and start them again")


def _begin_small(sentence: str) -> str:
    return f"{sentence[:1].lower()}{sentence[1:]}".rstrip(".")
