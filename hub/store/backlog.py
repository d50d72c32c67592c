"""The backlog of a system: cancelled, or replaced by the current state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.domain.keys import DeliveryKey
from hub.store import plans
from hub.store.statements import queries
from schemas.kinds import DeliveryStatus as Status

if TYPE_CHECKING:
    from uuid import UUID

    from hub.domain.subscription import Subscription
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
    """A unit that a system received, without its end."""

    brin: str
    mandate_id: UUID
    branch: str


async def lock_system(c: Connection, subscription: Subscription, destination: int) -> None:
    """Lock the schools of a subscription's system against planning, then one destination, before its lanes."""
    brins = [row["brin"] for row in await queries.read_system_schools(c, **_columns(subscription))]
    await queries.begin_planning(c, brins=brins)
    await queries.lock_schools_planning(c, brins=brins)
    await plans.directory(c)
    await plans.lock_destinations(c, [destination])


async def living_units(c: Connection, subscription: Subscription) -> list[LivingUnit]:
    """Read the live units that were planned for the webhook of a subscription's system."""
    return [LivingUnit(**row) for row in await queries.read_living_units(c, **_columns(subscription))]


def _columns(subscription: Subscription) -> dict[str, str]:
    return {"oin": subscription.supplier_oin, "system_code": subscription.system_code}


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
