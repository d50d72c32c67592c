"""The backlog of a supplier: cancelled, or replaced by the current state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.domain.keys import DeliveryKey
from hub.store import plans
from hub.store.statements import queries
from schemas.kinds import DeliveryStatus as Status

if TYPE_CHECKING:
    from uuid import UUID

    from hub.store.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelledBacklog:
    """A cancelled delivery, and the status before."""

    destination: int
    brin: str
    sequence: int
    before: Status
    expects_report: bool

    @property
    def key(self) -> DeliveryKey:
        """Where it stands."""
        return DeliveryKey(self.destination, self.brin, self.sequence)


@dataclass(frozen=True, slots=True, kw_only=True)
class LivingUnit:
    """A unit that a supplier received, without its end."""

    brin: str
    mandate_id: UUID
    branch: str


async def lock_supplier(c: Connection, oin: str, destination: int) -> None:
    """Lock a supplier's schools against planning, then a destination of it, before any of its lanes."""
    brins = [row["brin"] for row in await queries.read_supplier_schools(c, oin=oin)]
    await queries.insert_planning_progress(c, brins=brins)
    await queries.lock_supplier_planning(c, brins=brins)
    await plans.directory(c)
    await plans.lock_destinations(c, [destination])


async def living_units(c: Connection, oin: str) -> list[LivingUnit]:
    """Read the live units that were planned for a supplier's webhook."""
    return [LivingUnit(**row) for row in await queries.read_living_units(c, oin=oin)]


async def cancel(c: Connection, destination: int, reason: str) -> list[CancelledBacklog]:
    """Cancel all that waits for a destination, lane by lane; what is in flight loses its lane and settles nothing."""
    brins = [row["brin"] for row in await queries.lock_waiting_lanes(c, destination=destination)]
    rows = await queries.cancel_waiting(c, destination=destination, brins=brins, reason=reason)
    await queries.empty_lanes(c, destination=destination, brins=brins)
    return [
        CancelledBacklog(
            destination=destination,
            brin=row["brin"],
            sequence=row["sequence"],
            before=Status(row["before"]),
            expects_report=row["expects_report"],
        )
        for row in rows
    ]
