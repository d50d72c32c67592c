"""Reconciliation of a system. In: the units it holds for a service. Out: what must change there.

It should hold the newest message of each unit. A message that still waits in its lane arrives by itself and is
`pending`; one that was delivered, dead or cancelled has to be fetched.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from hub.domain.delivery import IN_LANE
from hub.store import deliveries, observe, register, subscriptions

if TYPE_CHECKING:
    from collections.abc import Sequence

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


async def reconcile(c: Connection, oin: str, service_code: str, holds: Sequence[HeldUnit]) -> Differences | None:
    """Compare the units of a supplier's system with its messages; return None when it gets none of this service."""
    queues = {row["code"]: row["destination"] for row in await register.services(c)}
    if service_code not in queues:
        return None
    name = f"las:{oin}" if queues[service_code] is None else f"las-copy:{oin}"
    destination = next(
        (destination for destination in await observe.read_destinations(c) if destination.name == name), None
    )
    told = [] if destination is None else await deliveries.newest_per_unit(c, destination.id, service_code, oin)
    asked = {code for each in await subscriptions.read_all(c, oin) for code in each.options.services}
    is_told = told or queues[service_code] is None or service_code in asked
    return compare(holds, told) if is_told else None


def compare(holds: Sequence[HeldUnit], told: Sequence[NewestDelivery]) -> Differences:
    """Return exactly the differences; the end of a unit matters only to a system that still holds it."""
    held: dict[Unit, int] = {}
    for unit in holds:
        key = (unit.mandate_id, unit.branch)
        held[key] = max(unit.mandate_version, held.get(key, 0))
    found, known = Differences(), set()
    for last in told:
        key = (last.mandate_id, last.branch)
        known.add(key)
        if (last.kind.is_end and key not in held) or held.get(key, -1) >= last.mandate_version:
            continue
        comes = found.pending if last.status in IN_LANE else found.outdated if key in held else found.missing
        comes.append(last.id)
    found.unknown.extend(unit for unit in holds if (unit.mandate_id, unit.branch) not in known)
    return found
