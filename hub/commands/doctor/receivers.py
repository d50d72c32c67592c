"""Checks the destinations as the database knows them, and the records that wait for a decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.clock import now
from hub.commands.doctor.finding import Finding, counted, well, wrong
from hub.commands.doctor.sessions import open_current
from hub.domain.cause import Cause
from hub.domain.says import explain
from hub.observe.lag import LagReader
from hub.store.objectives import default_objective

if TYPE_CHECKING:
    from hub.observe.lag import DestinationLag
    from hub.settings import Settings

NOT_OURS: Final = frozenset({Cause.NONE, Cause.BACK_OFFICE})


async def check(settings: Settings) -> list[Finding]:
    """Return a finding per destination, and one about parked records."""
    async with open_current(settings) as c:
        lag = await LagReader(default_objective(settings)).read(c, now())
    parked = (
        wrong(
            "parked records",
            f"{counted(lag.parked, 'waits', 'wait')} for a decision",
            "`osr-hub parked list` shows them",
        )
        if lag.parked
        else well("parked records", "none")
    )
    return [*map(_judge, lag.destinations), parked]


def _judge(one: DestinationLag) -> Finding:
    words = explain(one.cause, one.standing)
    is_well = one.cause in NOT_OURS and not one.standing.dead
    return Finding(one.destination.name, is_well=is_well, words=words)
