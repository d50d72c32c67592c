"""Use case: the current state of units goes to the end of their lanes.

In: units, and what it is done for (a replay, a first subscription, a recovery). Out: at most one delivery per unit, and
lanes that are due. Next: consumers.forward. Whoever calls owns the transaction and rings `lanes` after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hub import plan
from hub.domain.planning import Planned
from hub.domain.restating import Told, UnitKey, Unsaid, restatement
from hub.store import plans, restating

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.domain.planning import Listener
    from hub.store.pool import Connection
    from hub.store.reports import LaneKey

__all__ = ["Restated", "UnitKey", "Unsaid", "foresee", "restate"]

AT_ONCE: Final = 500
NOTHING: Final[Mapping[LaneKey, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Restated:
    """What was appended, in the order of lanes and events, and why the other units got nothing."""

    appended: Sequence[Planned]
    unsaid: Mapping[UnitKey, Unsaid]


async def restate(
    c: Connection,
    units: Iterable[UnitKey],
    *,
    cause: UUID,
    now: datetime,
    process: int,
    lost_from: Mapping[LaneKey, int] = NOTHING,
) -> Restated:
    """Append the current state of each unit, once per cause: again for the same cause appends nothing.

    Schools are held still, then destinations, then lanes, in key order. Per lane, what has a number from `lost_from`
    on does not count as taken: the receiver's own memory lost it.
    """
    asked = sorted(set(units))
    if not asked:
        return Restated(appended=(), unsaid={})
    listeners = await restating.hold_still(c, asked)
    answers = await _answers(c, asked, listeners, cause, lost_from)
    appended = sorted((a for a in answers.values() if isinstance(a, Planned)), key=_in_order)
    if appended:
        await plan.append(c, appended, now=now, process=process)
    return Restated(
        appended=appended, unsaid={unit: answer for unit, answer in answers.items() if isinstance(answer, Unsaid)}
    )


async def foresee(c: Connection, units: Iterable[UnitKey], cause: UUID) -> dict[UnitKey, Planned | Unsaid]:
    """Say what `restate` would append, as things are; nothing is locked and nothing is changed."""
    asked = sorted(set(units))
    listeners = (await plans.directory(c)).listeners
    answers: dict[UnitKey, Planned | Unsaid] = {}
    for start in range(0, len(asked), AT_ONCE):
        answers |= await _answers(c, asked[start : start + AT_ONCE], listeners, cause, NOTHING)
    return answers


async def _answers(
    c: Connection,
    units: Sequence[UnitKey],
    listeners: Mapping[str, Listener],
    cause: UUID,
    lost_from: Mapping[LaneKey, int],
) -> dict[UnitKey, Planned | Unsaid]:
    spoken = await restating.spoken(c, units, listeners)
    told = await restating.told(c, units, cause, lost_from)
    return {
        unit: restatement(unit, spoken[unit], told.get(unit, Told()), cause) if unit in spoken else Unsaid.SILENT
        for unit in units
    }


def _in_order(planned: Planned) -> tuple[int, str, int, str]:
    return planned.destination.id, planned.brin, planned.event_number, planned.branch
