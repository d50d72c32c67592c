"""Reports on deliveries: find, lock and write them; and records that were parked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from hub.domain.delivery import Status
from hub.domain.keys import DeliveryKey, LaneKey
from hub.store import plans
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from hub.store.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLane:
    """A lane whose row is locked."""

    head: int
    closed: int
    is_leased: bool


@dataclass(slots=True, kw_only=True)
class Tracked:
    """A delivery while reports are applied to it: the only value here that changes."""

    destination: int
    brin: str
    sequence: int
    id: UUID
    event_id: UUID
    mandate_id: UUID
    branch: str
    status: Status
    expects_report: bool
    reported_at: datetime | None
    delivered_at: datetime | None
    processed_at: datetime | None = None
    reason: str | None = None

    @property
    def key(self) -> DeliveryKey:
        """Where it stands."""
        return DeliveryKey(self.destination, self.brin, self.sequence)

    @property
    def lane(self) -> LaneKey:
        """The lane it stands in."""
        return LaneKey(self.destination, self.brin)

    @property
    def unit(self) -> tuple[int, UUID, str]:
        """What it speaks of: at this destination, this mandate's unit."""
        return self.destination, self.mandate_id, self.branch


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReport:
    """A report as it is kept."""

    key: DeliveryKey
    status: str
    signals: str
    reported_at: datetime
    received_at: datetime
    ignored: str | None


async def find_by_id(c: Connection, ids: Sequence[UUID]) -> dict[UUID, DeliveryKey]:
    """Find where deliveries are."""
    rows = await queries.find_deliveries_by_id(c, ids=list(ids))
    return {row["id"]: DeliveryKey(row["destination"], row["brin"], row["sequence"]) for row in rows}


async def find_at_queues(c: Connection, ids: Sequence[UUID]) -> dict[UUID, DeliveryKey]:
    """Find where deliveries to DUO's queues are; those to systems are left out."""
    rows = await queries.find_queue_deliveries_by_id(c, ids=list(ids))
    return {row["id"]: DeliveryKey(row["destination"], row["brin"], row["sequence"]) for row in rows}


async def find_by_mandate(
    c: Connection, versions: Sequence[tuple[UUID, int]]
) -> dict[tuple[UUID, int], list[DeliveryKey]]:
    """Find all units of versions of mandates at DUO's queue of their service."""
    rows = await queries.find_deliveries_by_mandate(
        c, mandates=[v[0] for v in versions], versions=[v[1] for v in versions]
    )
    found: dict[tuple[UUID, int], list[DeliveryKey]] = {}
    for row in rows:
        key = DeliveryKey(row["destination"], row["brin"], row["sequence"])
        found.setdefault((row["mandate_id"], row["mandate_version"]), []).append(key)
    return found


async def lock_lanes(c: Connection, lanes: Iterable[LaneKey], *, make: bool = False) -> dict[LaneKey, HeldLane]:
    """Lock lanes, in key order; with `make` lanes that do not exist yet are created in that order."""
    ordered = sorted(set(lanes))
    if make:
        await plans.lock_gate_shared(c)
    locking = queries.lock_or_create_lanes if make else queries.lock_lanes
    rows = await locking(c, destinations=[x[0] for x in ordered], brins=[x[1] for x in ordered])
    return {
        LaneKey(row["destination"], row["brin"]): HeldLane(
            head=row["head"], closed=row["closed"], is_leased=row["owner"] is not None
        )
        for row in rows
    }


async def read_targets(c: Connection, keys: Iterable[DeliveryKey]) -> dict[DeliveryKey, Tracked]:
    """Read the deliveries that reports name."""
    rows = await queries.read_targets(c, **_keys(sorted(set(keys))))
    return {t.key: t for t in map(_tracked, rows)}


async def read_window(c: Connection, windows: Mapping[LaneKey, tuple[int, int]]) -> list[Tracked]:
    """Read what still waits for a report: per lane above the first and through the second number."""
    rows = await queries.read_window(
        c,
        destinations=[lane[0] for lane in windows],
        brins=[lane[1] for lane in windows],
        froms=[low for low, _ in windows.values()],
        throughs=[high for _, high in windows.values()],
    )
    return [_tracked(row) for row in rows]


async def write(c: Connection, changed: Sequence[Tracked]) -> None:
    """Write the statuses that deliveries were brought to."""
    await queries.mark_reported(
        c,
        **_keys(t.key for t in changed),
        statuses=[t.status.value for t in changed],
        reported_ats=[t.reported_at for t in changed],
        processed_ats=[t.processed_at for t in changed],
        delivered_ats=[t.delivered_at for t in changed],
        reasons=[t.reason for t in changed],
    )


async def move_closed(c: Connection, closed: Mapping[LaneKey, int]) -> None:
    """Remember that nothing at or below these numbers waits for a report."""
    await queries.write_closed(
        c,
        destinations=[lane[0] for lane in closed],
        brins=[lane[1] for lane in closed],
        closeds=list(closed.values()),
    )


async def write_reports(c: Connection, reports: Sequence[KeptReport], most: int) -> None:
    """Keep reports as rows: of each delivery the newest that were applied, and as many that were ignored."""
    await queries.write_reports(
        c,
        **_keys(r.key for r in reports),
        statuses=[r.status for r in reports],
        signals=[r.signals for r in reports],
        reported_ats=[r.reported_at for r in reports],
        received_ats=[r.received_at for r in reports],
        ignored=[r.ignored for r in reports],
    )
    await queries.trim_reports(c, **_keys({r.key for r in reports}), most=most)


async def write_earlier_reports(c: Connection, keys: Iterable[DeliveryKey]) -> None:
    """Turn first reports that live in columns into rows, before a correction replaces them."""
    await queries.write_earlier_reports(c, **_keys(keys))


async def park_record(c: Connection, record: Mapping[str, Any]) -> None:
    """Put a record aside with its bytes; `headers` is a list of pairs; the same record again changes nothing."""
    await queries.park_record(c, **{"written_at": None, **record, "headers": orjson.dumps(record["headers"]).decode()})


async def parked_that_arrived(c: Connection) -> list[Mapping[str, Any]]:
    """Take parked reports whose delivery has appeared since."""
    return [dict(row) for row in await queries.claim_parked_reports(c)]


async def unpark_schools(c: Connection) -> int:
    """Close parked records of schools that are in the register now; return how many."""
    return len(await queries.retry_parked_schools(c))


async def refuse_parked(c: Connection, parked_id: int, reason: str, detail: str, *, blame: str) -> None:
    """Store why a parked record cannot be used though its delivery has appeared."""
    await queries.refuse_parked(c, id=parked_id, reason=reason, detail=detail[:1000], blame=blame)


async def unpark(c: Connection, ids: Sequence[int]) -> None:
    """Mark parked records as applied."""
    await queries.mark_parked_retried(c, ids=list(ids))


def _keys(keys: Iterable[DeliveryKey]) -> dict[str, list[Any]]:
    listed = list(keys)
    return {
        "destinations": [k[0] for k in listed],
        "brins": [k[1] for k in listed],
        "sequences": [k[2] for k in listed],
    }


def _tracked(row: Mapping[str, Any]) -> Tracked:
    return Tracked(**{**row, "status": Status(row["status"])})


async def cancel(c: Connection, key: DeliveryKey, reason: str) -> None:
    """Mark a delivery cancelled and let its lane, whose row is locked, go on."""
    destination, brin, sequence = key
    await queries.mark_cancelled(c, destination=destination, brin=brin, sequence=sequence, reason=reason)
    await queries.skip_cancelled(c, destination=destination, brin=brin)


async def cancel_many(c: Connection, keys: Sequence[DeliveryKey], reason: str) -> None:
    """Mark deliveries cancelled and let their lanes, whose rows are locked, go on."""
    await queries.mark_many_cancelled(c, **_keys(keys), reason=reason)
    for destination, brin in sorted({key.lane for key in keys}):
        await queries.skip_cancelled(c, destination=destination, brin=brin)


def read_headers(text: str) -> list[tuple[str, str]]:
    """Read the headers that a parked record is kept with."""
    return [(name, value) for name, value in orjson.loads(text)]
