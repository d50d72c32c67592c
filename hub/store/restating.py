"""Read what a restatement is made of. In: locked units. Out: their events, and what their lanes hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.domain.keys import LaneKey
from hub.domain.kinds import Kind
from hub.domain.planning import DestinationRef
from hub.domain.restating import DestinationKind, LaneUnitState, UnitEvents
from hub.store import plans, reports
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from hub.domain.planning import SubscriptionFilter
    from hub.domain.restating import UnitKey
    from hub.store.pool import Connection

NOTHING_LOST = 2**63 - 1


async def lock_units(c: Connection, units: Sequence[UnitKey]) -> Mapping[str, SubscriptionFilter]:
    """Lock the schools of units against planning, then destinations, then lanes, in key order; returns who listens."""
    brins = sorted({brin for _, brin, _, _ in units})
    await queries.begin_planning(c, brins=brins)
    await queries.lock_schools_planning(c, brins=brins)
    directory = await plans.directory(c)
    await plans.lock_destinations(c, {destination for destination, *_ in units})
    await reports.lock_lanes(c, {LaneKey(destination, brin) for destination, brin, _, _ in units})
    return directory.subscriptions


async def read_unit_events(
    c: Connection, units: Sequence[UnitKey], subscriptions: Mapping[str, SubscriptionFilter]
) -> dict[UnitKey, UnitEvents]:
    """Read what planned events say of units; one that none speaks of is left out."""
    rows = await queries.read_newest_unit_events(
        c,
        destinations=[unit[0] for unit in units],
        brins=[unit[1] for unit in units],
        mandates=[unit[2] for unit in units],
        branches=[unit[3] for unit in units],
    )
    newest: dict[int, dict[Kind, tuple[int, UUID]]] = {}
    for row in rows:
        newest.setdefault(row["o"], {})[Kind(row["type"])] = (row["number"], row["id"])
    return {
        units[row["o"] - 1]: UnitEvents(
            destination=DestinationRef(id=row["destination"], name=row["name"]),
            destination_kind=DestinationKind(row["kind"]),
            subscription=subscriptions.get(row["system_code"]),
            service_code=row["service_code"],
            newest=newest[row["o"]],
        )
        for row in rows
    }


async def read_lane_states(
    c: Connection, units: Sequence[UnitKey], cause: UUID, lost_from: Mapping[LaneKey, int]
) -> dict[UnitKey, LaneUnitState]:
    """Read the state of units in their lanes; units without deliveries are left out.

    `lost_from` is that of `hub.operations.restate.restate`.
    """
    lanes = sorted({LaneKey(destination, brin) for destination, brin, _, _ in units})
    rows = await queries.read_lane_unit_states(
        c,
        cause=cause,
        destinations=[lane.destination for lane in lanes],
        brins=[lane.brin for lane in lanes],
        lost_froms=[lost_from.get(lane, NOTHING_LOST) for lane in lanes],
        mandates=sorted({mandate for _, _, mandate, _ in units}),
    )
    return {
        (row["destination"], row["brin"], row["mandate_id"], row["branch"]): LaneUnitState(
            last_taken=None if row["last_taken"] is None else Kind(row["last_taken"]),
            waits_with=row["waits_with"],
            newest=row["newest"],
            was_restated=row["was_restated"],
        )
        for row in rows
    }
