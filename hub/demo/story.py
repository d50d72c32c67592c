"""The changes of the demo, made one by one as schools make them. In: the chosen schools. Out: mandates, by the API.

Next: `cases` checks the result of each.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from hub.demo.schools import LAS_SERVICE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hub.demo.schools import DemoPlan, DemoSchool, DemoSchools, DemoSystem
    from hub.simulators.hub import HubClient

Mandate: TypeAlias = dict[str, Any]
Mandates: TypeAlias = tuple[Mandate, ...]

CONCURRENT_MOVES: Final = 4
FUTURE_SERVICE: Final = "RIO"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoryMandates:
    """The mandates of each case, as the API returned them."""

    branched: Mandate
    future: Mandate
    first_shared: Mandate
    second_shared: Mandate
    withdrawn: Mandates
    granted: Mandates

    @property
    def changes(self) -> int:
        """The number of changes."""
        return 4 + len(self.withdrawn) + len(self.granted)


async def make_changes(hub: HubClient, chosen: DemoSchools, plan: DemoPlan) -> StoryMandates:
    """Make all changes, with a token for the boards of the chosen schools."""
    branched = await _grant(hub, chosen.branched, LAS_SERVICE, plan.home, branches=chosen.branched.branches)
    future = await _grant(hub, chosen.branched, FUTURE_SERVICE, plan.home, startDate=_next_august(plan))
    first = await _grant(hub, chosen.shared, LAS_SERVICE, plan.home, branches=chosen.shared.branches[:1])
    second = await _grant(hub, chosen.shared, LAS_SERVICE, plan.other, branches=chosen.shared.branches[1:2], index=2)
    withdrawn, granted = await _move(hub, chosen.moving, plan)
    return StoryMandates(
        branched=branched,
        future=future,
        first_shared=first,
        second_shared=second,
        withdrawn=withdrawn,
        granted=granted,
    )


async def _grant(
    hub: HubClient,
    school: DemoSchool,
    service: str,
    system: DemoSystem,
    *,
    branches: Iterable[str] = (),
    index: int = 1,
    **more: object,
) -> Mandate:
    routed = [
        {"branch": branch, "routingId": school.route(number)} for number, branch in enumerate(branches, start=index)
    ]
    body = {"brin": school.brin, "serviceCode": service, "supplierOin": system.oin, "branches": routed, **more}
    made: Mandate = await hub.call("POST", "/mandates", body)
    return made


async def _move(hub: HubClient, schools: tuple[DemoSchool, ...], plan: DemoPlan) -> tuple[Mandates, Mandates]:
    """Change a board's schools to the other system: their mandates end at once, and new ones begin."""
    turn = asyncio.Semaphore(CONCURRENT_MOVES)

    async def move(school: DemoSchool) -> tuple[Mandates, Mandate]:
        async with turn:
            return await _move_one(hub, school, plan)

    moved = await asyncio.gather(*(move(school) for school in schools))
    return tuple(chain.from_iterable(ended for ended, _ in moved)), tuple(made for _, made in moved)


async def _move_one(hub: HubClient, school: DemoSchool, plan: DemoPlan) -> tuple[Mandates, Mandate]:
    listed = await hub.call("GET", f"/mandates?brin={school.brin}&serviceCode={LAS_SERVICE}")
    ended = [
        await hub.call("POST", f"/mandates/{mandate['id']}/withdrawal", {"reason": "overstap naar een ander LAS"})
        for mandate in listed["items"]
        if mandate["supplierOin"] == plan.home.oin
    ]
    branches = school.branches if len(school.branches) > 1 else ()
    return tuple(ended), await _grant(hub, school, LAS_SERVICE, plan.other, branches=branches)


def _next_august(plan: DemoPlan) -> str:
    first = plan.today.replace(month=8, day=1)
    return (first if first > plan.today else first.replace(year=first.year + 1)).isoformat()
