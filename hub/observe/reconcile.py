"""Reconciliation of a receiver. In: the units that a system or DUO holds for a service. Out: what must change there.

A receiver should hold the newest message of each unit. A message that still waits in its lane arrives by itself and is
`pending`; one that was delivered, dead or cancelled has to be fetched.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from hub.domain.delivery import IN_LANE
from hub.slices import in_slices
from hub.store import deliveries, observe, register, subscriptions

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date

    from hub.store.deliveries import NewestDelivery
    from hub.store.pool import Connection

Unit = tuple[UUID, str]


@dataclass(frozen=True, slots=True)
class HeldUnit:
    """A unit as a system holds it: branch '' is the rest."""

    mandate_id: UUID
    branch: str
    mandate_version: int


@dataclass(slots=True)
class Differences:
    """Deliveries that a system must fetch or will receive, and units that it should not hold."""

    missing: list[UUID] = field(default_factory=list)
    outdated: list[UUID] = field(default_factory=list)
    unknown: list[HeldUnit] = field(default_factory=list)
    pending: list[UUID] = field(default_factory=list)


async def reconcile(
    c: Connection, system: str, service_code: str, holds: Sequence[HeldUnit], brins: Collection[str] | None = None
) -> Differences | None:
    """Compare the units of a system with its messages; return None when it gets none of this service."""
    queues = {each.code: each.destination for each in await register.services(c)}
    if service_code not in queues:
        return None
    name = f"las:{system}" if queues[service_code] is None else f"las-copy:{system}"
    destination = next(
        (destination for destination in await observe.read_destinations(c) if destination.name == name), None
    )
    told = (
        [] if destination is None else await deliveries.newest_per_unit(c, destination.id, service_code, system, brins)
    )
    asked = {code for each in await subscriptions.read_all(c, system) for code in each.options.services}
    is_told = told or queues[service_code] is None or service_code in asked
    return await compare(holds, told) if is_told else None


async def reconcile_queue(
    c: Connection, service_code: str, holds: Sequence[HeldUnit], brins: Collection[str] | None, today: date
) -> Differences | None:
    """Compare DUO's units with the messages to the queue of a service; return None for a service without a queue."""
    queues = (each for each in await observe.read_destinations(c) if each.kind == "duo")
    queue = next((each for each in queues if service_code in each.services), None)
    if queue is None:
        return None
    return await compare(holds, await deliveries.newest_per_unit(c, queue.id, service_code, None, brins), today)


async def compare(
    holds: Sequence[HeldUnit], told: Sequence[NewestDelivery], queue_day: date | None = None
) -> Differences:
    """Return exactly the differences; the end of a unit matters only to a receiver that still holds it.

    DUO's queues get no message when an end date passes: on `queue_day` a unit is over whose end date lies before it.
    """
    held: dict[Unit, int] = {}
    async for some in in_slices(holds):
        for unit in some:
            key = (unit.mandate_id, unit.branch)
            held[key] = max(unit.mandate_version, held.get(key, 0))
    found, known = Differences(), set()
    async for newest in in_slices(told):
        for last in newest:
            known.add((last.mandate_id, last.branch))
            _compare_one(last, held, found, queue_day)
    async for some in in_slices(holds):
        found.unknown.extend(unit for unit in some if (unit.mandate_id, unit.branch) not in known)
    return found


def _compare_one(last: NewestDelivery, held: dict[Unit, int], found: Differences, queue_day: date | None) -> None:
    key = (last.mandate_id, last.branch)
    is_over = last.kind.is_end or (queue_day is not None and last.ends_before(queue_day))
    if (is_over and key not in held) or held.get(key, -1) >= last.mandate_version:
        return
    comes = found.pending if last.status in IN_LANE else found.outdated if key in held else found.missing
    comes.append(last.id)
