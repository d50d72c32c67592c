"""Deliveries and lanes for reading. In: filters and a scope. Out: rows, in lane order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from hub.domain.delivery import IN_LANE, Status
from hub.domain.ids import lowest_at, time_of
from hub.domain.keys import DeliveryKey
from hub.domain.kinds import Kind
from hub.domain.lag import Moments
from hub.slices import map_in_slices
from hub.store.lanes import message_of
from hub.store.statements import queries
from schemas.kinds import HELD

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date, datetime

    from hub.envelopes import MessageRow
    from hub.store.pool import Connection

MILLISECOND_MASK: Final = (1 << 80) - 1
SAME: Final = ["branch", "service_code", "mandate_id", "event_id", "planned_from", "planned_until", "after_sequence"]
AFTER: Final = ("after_destination", "after_brin", "after_number")
THROUGH: Final = ("through_destination", "through_brin", "through_number")
NO_KEY: Final = (None, None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryScope:
    """The deliveries a caller may read: all, or those to these destinations or about these schools."""

    everything: bool = False
    destinations: frozenset[int] = frozenset()
    brins: frozenset[str] = frozenset()

    def covers(self, destination: int, brin: str) -> bool:
        """Return whether a lane is in scope."""
        return self.everything or destination in self.destinations or brin in self.brins

    def narrow(self, destinations: Collection[int], brin: str | None) -> dict[str, Any]:
        """Return statement parameters for the requested filters within this scope."""
        asked = None if brin is None else [brin]
        either: dict[str, Any] = {"either_destinations": None, "either_brins": None}
        if self.everything:
            return {"destinations": list(destinations), "brins": asked, **either}
        if not self.brins:
            return {"destinations": [d for d in destinations if d in self.destinations], "brins": asked, **either}
        if not self.destinations:
            own = [b for b in self.brins if asked is None or b in asked]
            return {"destinations": list(destinations), "brins": own, **either}
        both = {"either_destinations": list(self.destinations), "either_brins": list(self.brins)}
        return {"destinations": list(destinations), "brins": asked, **both}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """A filter of deliveries; None matches all. `statuses` are statuses as shown."""

    destinations: Collection[int]
    brin: str | None = None
    branch: str | None = None
    service_code: str | None = None
    mandate_id: UUID | None = None
    event_id: UUID | None = None
    ids: Collection[UUID] | None = None
    statuses: Collection[str] | None = None
    planned_from: datetime | None = None
    planned_until: datetime | None = None
    after_sequence: int | None = None
    after: tuple[int, str, int] | None = None
    """The key (destination, BRIN, number) behind which to go on."""
    through: tuple[int, str, int] | None = None
    """The last key to look at."""

    def columns(self) -> dict[str, Any]:
        """Return the filter as parameters; an id starts with the time of its event, which precedes the planning."""
        lowest = None if self.event_id is None else lowest_at(time_of(self.event_id))
        highest = None if self.event_id is None else UUID(int=self.event_id.int | MILLISECOND_MASK)
        if highest is None and self.planned_until is not None:
            highest = UUID(int=lowest_at(self.planned_until).int | MILLISECOND_MASK)
        alone, after, through = [*self.destinations], self.after or NO_KEY, self.through or NO_KEY
        return {
            "ids": None if self.ids is None else list(self.ids),
            "lowest_id": lowest,
            "highest_id": highest,
            "statuses": None if self.statuses is None else list(self.statuses),
            **{name: getattr(self, name) for name in SAME},
            "brin_from": after[1] if alone == [after[0]] else None,
            "brin_through": through[1] if alone == [through[0]] else None,
            **dict(zip(AFTER, after, strict=True)),
            **dict(zip(THROUGH, through, strict=True)),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """A delivery with its event and the state of its lane."""

    destination: int
    brin: str
    sequence: int
    id: UUID
    branch: str
    kind: Kind
    expects_report: bool
    status: Status
    reason: str | None
    replay_of: UUID | None
    moments: Moments
    reported_at: datetime | None
    failed_since: datetime | None
    kafka_partition: int | None
    kafka_offset: int | None
    http_status: int | None
    sent_ms: int | None
    head: int
    due: datetime | None
    lane_is_held: bool
    event_id: UUID
    mandate_id: UUID
    mandate_version: int
    service_code: str
    units: str = field(repr=False)
    traceparent: str | None
    previous: int | None

    @property
    def is_next(self) -> bool:
        """Whether it is the next delivery of its lane."""
        return self.status in IN_LANE and self.sequence == self.head + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneView:
    """A lane, with the status of its next delivery."""

    destination: int
    brin: str
    head: int
    tail: int
    due: datetime | None
    held: bool
    next_status: Status | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestDelivery:
    """The newest delivery about a unit at a destination."""

    mandate_id: UUID
    branch: str
    mandate_version: int
    id: UUID
    kind: Kind
    status: Status
    end_date: date | None

    def ends_before(self, day: date) -> bool:
        """Return whether the last day of its mandate lies before a day."""
        return self.end_date is not None and self.end_date < day


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTarget:
    """The delivery that a report names, and the system that it went to."""

    id: UUID
    mandate_id: UUID
    mandate_version: int
    traceparent: str | None
    kind: str
    supplier_oin: str | None
    system_code: str | None
    destination: int
    brin: str
    sequence: int

    @property
    def key(self) -> DeliveryKey:
        """Where it stands."""
        return DeliveryKey(self.destination, self.brin, self.sequence)


async def report_target(c: Connection, delivery_id: UUID) -> ReportTarget | None:
    """Read the delivery that a report names; return None for an unknown id."""
    row = await queries.read_report_target(c, id=delivery_id)
    return None if row is None else ReportTarget(**row)


async def list_deliveries(
    c: Connection, wanted: DeliveryFilter, reach: DeliveryScope, held: Collection[int], most: int
) -> list[DeliveryView]:
    """List deliveries in scope, in lane order; `held` are destinations without a receiver."""
    async with c.transaction():
        await queries.force_custom_plan(c)
        rows = await queries.list_deliveries(
            c,
            **wanted.columns(),
            **reach.narrow(wanted.destinations, wanted.brin),
            held_destinations=list(held),
            most=most,
        )
    return await map_in_slices(rows, _view)


async def read_messages(c: Connection, ids: Sequence[UUID]) -> list[tuple[MessageRow, int]]:
    """Read the message rows of deliveries, each with the previous number (0: none)."""
    return [(message_of(row), row["previous"] or 0) for row in await queries.read_messages(c, ids=list(ids))]


async def newest_per_unit(
    c: Connection, destination: int, service_code: str, system_code: str | None, brins: Collection[str] | None = None
) -> list[NewestDelivery]:
    """Read the newest delivery of each unit of a service at a destination, of these schools or of all."""
    async with c.transaction():
        await queries.force_custom_plan(c)
        rows = await queries.read_newest_per_unit(
            c,
            destination=destination,
            service_code=service_code,
            system_code=system_code,
            brins=None if brins is None else list(brins),
        )
    return [NewestDelivery(**{**row, "kind": Kind(row["kind"]), "status": Status(row["status"])}) for row in rows]


async def of_other_schools(
    c: Connection, mandates: Collection[UUID], brins: Collection[str], system_code: str | None
) -> dict[UUID, str]:
    """Return the school of each of these mandates that is of none of these schools."""
    rows = await queries.find_mandates_elsewhere(c, mandates=list(mandates), brins=list(brins), system_code=system_code)
    return {row["id"]: row["brin"] for row in rows}


async def attempts(c: Connection, delivery: DeliveryView) -> list[Mapping[str, Any]]:
    """Read a delivery's failed attempts: number, at, outcome, http_status, duration_ms, error, answer."""
    return list(await queries.read_attempts(c, **_key(delivery)))


async def reports(c: Connection, delivery: DeliveryView) -> list[Mapping[str, Any]]:
    """Read a delivery's kept reports: status, signals (JSON), reported_at, received_at, applied."""
    return list(await queries.read_reports(c, **_key(delivery)))


async def list_lanes(
    c: Connection,
    destinations: Collection[int],
    brins: Collection[str] | None,
    after: tuple[int, str] | None,
    most: int,
) -> list[LaneView]:
    """List lanes of destinations, of these schools or of all."""
    destination, brin = after or (None, None)
    async with c.transaction():
        await queries.force_custom_plan(c)
        rows = await queries.list_lanes(
            c,
            destinations=list(destinations),
            brins=None if brins is None else list(brins),
            after_destination=destination,
            after_brin=brin,
            most=most,
        )
    return [
        LaneView(**{**row, "next_status": None if row["next_status"] is None else Status(row["next_status"])})
        for row in rows
    ]


def status_as_shown(status: Status, *, is_held: bool) -> str:
    """Return the status to show: a waiting delivery at a held lane is `held`."""
    return HELD if is_held and status in IN_LANE else status.value


def moments_of(row: Mapping[str, Any], recorded_at: datetime) -> Moments:
    """Return the moments of a delivery's hops."""
    return Moments(
        recorded_at=None if row["was_caused"] else recorded_at,
        published_at=row["published_at"],
        planned_at=row["planned_at"],
        delivered_at=row["delivered_at"],
        processed_at=row["processed_at"],
    )


def _key(delivery: DeliveryView) -> dict[str, Any]:
    return {"destination": delivery.destination, "brin": delivery.brin, "sequence": delivery.sequence}


def _view(row: Mapping[str, Any]) -> DeliveryView:
    own = {name: row[name] for name in DeliveryView.__dataclass_fields__ if name in row.keys()}  # noqa: SIM118 - a driver's row
    kind, status = Kind(row["kind"]), Status(row["status"])
    return DeliveryView(**{**own, "kind": kind, "status": status, "moments": moments_of(row, row["recorded_at"])})
