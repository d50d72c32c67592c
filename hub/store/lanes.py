"""Lanes and their deliveries: leased, read, settled. Every statement on several lanes locks them in key order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import orjson

from hub.domain.delivery import Status
from hub.domain.kinds import Kind
from hub.domain.outcome import Refused
from hub.envelopes import MessageRow
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from hub.domain.outcome import Delivered, Failure
    from hub.envelopes import StatusChange
    from hub.store.pool import Connection

    Key = tuple[int, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A lane in the hands of its owner: settled through `head`, fenced by `token`.

    `early` is how many seconds before its moment by the schedule it was leased, where it was made due out of turn.
    """

    destination: int
    brin: str
    head: int
    sent: int
    closed: int
    token: int
    early: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedDelivery:
    """A delivery as the forwarder holds it."""

    message: MessageRow
    status: Status
    attempts: int
    expects_report: bool
    failed_since: datetime | None
    planned_at: datetime
    refusals: int = 0
    refused_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SucceededAttempt:
    """What was taken: the delivery's key, the status it had, and the transport's word."""

    key: Key
    before: Status
    outcome: Delivered
    expects_report: bool
    planned_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempt:
    """What was not: the status it gets, what the attempt costs of its budget, and why."""

    key: Key
    before: Status
    after: Status
    outcome: Failure
    counted: int
    reason: str | None
    expects_report: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneUpdate:
    """Where a leased lane stands when it is given back; `wait` seconds until it is due, if anything waits.

    `keeps` says that an attempt cost nothing, and that the moment from which attempts count stays what it was.
    """

    lease: Lease
    head: int
    sent: int
    closed: int
    wait: float
    keeps: bool = False


async def lease(c: Connection, owner: int, permits: Mapping[int, int]) -> list[Lease]:
    """Take due lanes, at most as many per destination as its permits."""
    rows = await queries.lease_lanes(c, owner=owner, destinations=list(permits), permits=list(permits.values()))
    return [
        Lease(
            destination=row["destination"],
            brin=row["brin"],
            head=row["head"],
            sent=row["sent"],
            closed=row["closed"],
            token=row["token"],
            early=row["early"] or 0.0,
        )
        for row in rows
    ]


async def read(c: Connection, leases: Sequence[Lease], most: int) -> dict[tuple[int, str], list[QueuedDelivery]]:
    """Read at most `most` deliveries of each leased lane, in order, above its head."""
    rows = await queries.read_lanes(
        c,
        destinations=[x.destination for x in leases],
        brins=[x.brin for x in leases],
        heads=[x.head for x in leases],
        most=most,
    )
    found: dict[tuple[int, str], list[QueuedDelivery]] = {(x.destination, x.brin): [] for x in leases}
    for row in rows:
        found[row["destination"], row["brin"]].append(_queued_delivery(row))
    return found


async def complete(c: Connection, standings: Iterable[LaneUpdate]) -> set[tuple[int, str]]:
    """Write where lanes stand and give them back; returns those whose lease still held."""
    ordered = sorted(standings, key=lambda s: (s.lease.destination, s.lease.brin))
    rows = await queries.complete_lanes(
        c,
        destinations=[s.lease.destination for s in ordered],
        brins=[s.lease.brin for s in ordered],
        tokens=[s.lease.token for s in ordered],
        heads=[s.head for s in ordered],
        sents=[s.sent for s in ordered],
        closeds=[s.closed for s in ordered],
        waits=[s.wait for s in ordered],
        keeps=[s.keeps for s in ordered],
    )
    return {(row["destination"], row["brin"]) for row in rows}


async def mark_delivered(c: Connection, taken: Sequence[SucceededAttempt]) -> set[Key]:
    """Record what was taken; returns the keys whose status moved (the others had been reported before)."""
    keys = _keys(t.key for t in taken)
    places = {
        "partitions": [t.outcome.partition for t in taken],
        "offsets": [t.outcome.offset for t in taken],
    }
    rows = await queries.mark_delivered(
        c, **keys, **places, befores=[t.before.value for t in taken], ats=[t.outcome.at for t in taken]
    )
    moved = {(row["destination"], row["brin"], row["sequence"]) for row in rows}
    late = [t for t in taken if t.key not in moved]
    if late:
        await queries.mark_delivered_late(
            c,
            **_keys(t.key for t in late),
            partitions=[t.outcome.partition for t in late],
            offsets=[t.outcome.offset for t in late],
        )
    return moved


async def mark_failed(c: Connection, missed: Sequence[FailedAttempt]) -> set[Key]:
    """Keep the attempts that failed and move their deliveries on; returns the keys whose status moved."""
    await queries.write_attempts(
        c,
        **_keys(m.key for m in missed),
        ats=[m.outcome.at for m in missed],
        outcomes=[outcome_name(m.outcome) for m in missed],
        http_statuses=[m.outcome.http_status for m in missed],
        durations=[m.outcome.duration_ms for m in missed],
        errors=[m.outcome.error for m in missed],
    )
    burnt = [m for m in missed if m.counted]
    if not burnt:
        return set()
    rows = await queries.mark_failed(
        c,
        **_keys(m.key for m in burnt),
        statuses=[m.after.value for m in burnt],
        counted=[m.counted for m in burnt],
        reasons=[m.reason for m in burnt],
        ats=[m.outcome.at for m in burnt],
        were_refused=[isinstance(m.outcome, Refused) for m in burnt],
    )
    return {(row["destination"], row["brin"], row["sequence"]) for row in rows}


async def write_changes(c: Connection, changes: Sequence[StatusChange]) -> None:
    """Put changes of deliveries into the outbox: (destination, brin, sequence, before, after, at, reason)."""
    await queries.insert_changes(c, items=orjson.dumps(changes).decode())


async def return_lost_leases(c: Connection, owner: int, known: Iterable[Key]) -> list[tuple[int, str]]:
    """Make lanes due again whose owner does not know of them, by (destination, brin, token); returns their keys."""
    leases = list(known)
    rows = await queries.return_lost_lanes(
        c,
        owner=owner,
        destinations=[destination for destination, _, _ in leases],
        brins=[brin for _, brin, _ in leases],
        tokens=[token for _, _, token in leases],
    )
    return [(row["destination"], row["brin"]) for row in rows]


async def repair_stranded(c: Connection) -> list[tuple[int, str]]:
    """Make lanes due that wait for nothing and nobody; each one found is a fault of ours."""
    return [(row["destination"], row["brin"]) for row in await queries.repair_stranded_lanes(c)]


async def make_due(c: Connection, destinations: Sequence[int]) -> None:
    """Make all waiting lanes of these destinations due."""
    await queries.make_lanes_due(c, destinations=list(destinations))


def outcome_name(outcome: Failure) -> str:
    """Name a failed attempt as it is kept and counted."""
    return {"RetryLater": "retry", "Refused": "refused", "Gone": "gone"}[type(outcome).__name__]


def _keys(keys: Iterable[Key]) -> dict[str, list[Any]]:
    listed = list(keys)
    return {
        "destinations": [k[0] for k in listed],
        "brins": [k[1] for k in listed],
        "sequences": [k[2] for k in listed],
    }


def _queued_delivery(row: Mapping[str, Any]) -> QueuedDelivery:
    return QueuedDelivery(
        message=message_of(row),
        status=Status(row["status"]),
        attempts=row["attempts"],
        expects_report=row["expects_report"],
        failed_since=row["failed_since"],
        planned_at=cast("datetime", row["planned_at"]),
        refusals=row["refusals"] or 0,
        refused_since=row["refused_since"],
    )


def message_of(row: Mapping[str, Any]) -> MessageRow:
    """Build what a message is made of from the row of a delivery with its event."""
    return MessageRow(
        id=row["id"],
        brin=row["brin"],
        sequence=row["sequence"],
        branch=row["branch"],
        kind=Kind(row["kind"]),
        replay_of=row["replay_of"],
        event_id=row["event_id"],
        mandate_id=row["mandate_id"],
        recorded_at=row["recorded_at"],
        units=row["units"],
        body=row["body"],
        traceparent=row["traceparent"],
        result=row["result"],
    )
