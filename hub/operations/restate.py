"""Use case: append the current state of units to their lanes.

In: units, and what it is done for (a replay, a first subscription, a recovery). Out: at most one delivery per unit, and
lanes that are due. Next: consumers.forwarding. The caller owns the transaction and notifies `lanes` after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hub import plan
from hub.domain.planning import Planned
from hub.domain.restating import LaneUnitState, SkipReason, UnitKey, restatement
from hub.store import plans, restating

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.domain.keys import LaneKey
    from hub.domain.planning import SubscriptionFilter
    from hub.store.pool import Connection

__all__ = ["RestateResult", "SkipReason", "UnitKey", "preview_restate", "restate"]

BATCH: Final = 500
NOTHING_LOST: Final[Mapping[LaneKey, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class RestateResult:
    """The appended deliveries, in the order of lanes and events, and why the other units were skipped."""

    appended: Sequence[Planned]
    skipped: Mapping[UnitKey, SkipReason]


async def restate(
    c: Connection,
    units: Iterable[UnitKey],
    *,
    cause: UUID,
    now: datetime,
    process: int,
    lost_from: Mapping[LaneKey, int] = NOTHING_LOST,
) -> RestateResult:
    """Append the current state of each unit, once per cause: again for the same cause appends nothing.

    Locks schools, then destinations, then lanes, in key order. Per lane, a delivery with a number from `lost_from` on
    does not count as taken: the receiver lost it.
    """
    asked = sorted(set(units))
    if not asked:
        return RestateResult(appended=(), skipped={})
    subscriptions = await restating.lock_units(c, asked)
    answers = await _answers(c, asked, subscriptions, cause, lost_from)
    appended = sorted((a for a in answers.values() if isinstance(a, Planned)), key=_lane_order)
    if appended:
        await plan.append(c, appended, now=now, process=process)
    return RestateResult(
        appended=appended, skipped={unit: answer for unit, answer in answers.items() if isinstance(answer, SkipReason)}
    )


async def preview_restate(c: Connection, units: Iterable[UnitKey], cause: UUID) -> dict[UnitKey, Planned | SkipReason]:
    """Return what `restate` would append; locks and changes nothing."""
    asked = sorted(set(units))
    subscriptions = (await plans.directory(c)).subscriptions
    answers: dict[UnitKey, Planned | SkipReason] = {}
    for start in range(0, len(asked), BATCH):
        answers |= await _answers(c, asked[start : start + BATCH], subscriptions, cause, NOTHING_LOST)
    return answers


async def _answers(
    c: Connection,
    units: Sequence[UnitKey],
    subscriptions: Mapping[str, SubscriptionFilter],
    cause: UUID,
    lost_from: Mapping[LaneKey, int],
) -> dict[UnitKey, Planned | SkipReason]:
    unit_events = await restating.read_unit_events(c, units, subscriptions)
    lane_states = await restating.read_lane_states(c, units, cause, lost_from)
    return {
        unit: restatement(unit, unit_events[unit], lane_states.get(unit, LaneUnitState()), cause)
        if unit in unit_events
        else SkipReason.SILENT
        for unit in units
    }


def _lane_order(planned: Planned) -> tuple[int, str, int, str]:
    return planned.destination.id, planned.brin, planned.event_number, planned.branch
