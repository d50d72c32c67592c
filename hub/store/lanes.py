"""Lanes and their deliveries: leased, read, completed. Every statement on several lanes locks them in key order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from hub.domain.delivery import STATUSES, Move, Refused, Status
from hub.domain.keys import DeliveryKey, LaneKey, LeaseKey
from hub.domain.kinds import KINDS
from hub.envelopes import MessageRow
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from hub.domain.delivery import Delivered, Failure
    from hub.store.pool import Connection

OUTCOME_NAMES: Final = {"Delivered": "delivered", "RetryLater": "retry", "Refused": "refused", "Gone": "gone"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A lane with its owner: settled through `head`, fenced by `token`.

    `early` is how many seconds before its moment by the schedule the lane was leased, where it was made due sooner.
    """

    destination: int
    brin: str
    head: int
    sent: int
    closed: int
    token: int
    early: float = 0.0

    @property
    def lane(self) -> LaneKey:
        """The leased lane."""
        return LaneKey(self.destination, self.brin)

    @property
    def key(self) -> LeaseKey:
        """The key of this lease."""
        return LeaseKey(self.destination, self.brin, self.token)


class QueuedDelivery(NamedTuple):
    """A delivery as the forwarder sends it."""

    message: MessageRow
    status: Status
    attempts: int
    expects_report: bool
    failed_since: datetime | None
    planned_at: datetime
    refusals: int = 0
    refused_since: datetime | None = None


class SucceededAttempt(NamedTuple):
    """An attempt that the receiver accepted; `before` is the status the delivery was read with."""

    key: DeliveryKey
    before: Status
    outcome: Delivered
    expects_report: bool
    planned_at: datetime

    @property
    def move(self) -> Move:
        """The step that every such attempt is."""
        return Move.SUCCEEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempt:
    """An attempt that failed; one without a `move` does not count and leaves the delivery as it is."""

    key: DeliveryKey
    before: Status
    move: Move | None
    outcome: Failure
    reason: str | None
    expects_report: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneUpdate:
    """Where a leased lane stands when it is completed; `wait` seconds until it is due, if anything waits.

    `keeps_schedule` leaves the moment from which attempts count as it was, because this one did not count.
    """

    lease: Lease
    head: int
    sent: int
    closed: int
    wait: float
    keeps_schedule: bool = False


async def lease(c: Connection, owner: int, permits: Mapping[int, int]) -> list[Lease]:
    """Lease due lanes, at most as many per destination as its permits."""
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


async def read(c: Connection, leases: Sequence[Lease], most: int) -> dict[LaneKey, list[QueuedDelivery]]:
    """Read at most `most` deliveries of each leased lane, in order, above its head."""
    rows = await queries.read_lanes(
        c,
        destinations=[x.destination for x in leases],
        brins=[x.brin for x in leases],
        heads=[x.head for x in leases],
        most=most,
    )
    found: dict[LaneKey, list[QueuedDelivery]] = {x.lane: [] for x in leases}
    for row in rows:
        found[LaneKey(row["destination"], row["brin"])].append(_queued_delivery(row))
    return found


async def complete(c: Connection, owner: int, updates: Iterable[LaneUpdate]) -> set[LaneKey]:
    """Write where lanes stand and give them back; return those whose lease still held."""
    ordered = sorted(updates, key=lambda update: update.lease.key)
    rows = await queries.complete_lanes(
        c,
        owner=owner,
        destinations=[u.lease.destination for u in ordered],
        brins=[u.lease.brin for u in ordered],
        tokens=[u.lease.token for u in ordered],
        heads=[u.head for u in ordered],
        sents=[u.sent for u in ordered],
        closeds=[u.closed for u in ordered],
        waits=[u.wait for u in ordered],
        keeps=[u.keeps_schedule for u in ordered],
    )
    return {LaneKey(row["destination"], row["brin"]) for row in rows}


async def mark_delivered(
    c: Connection, attempts: Sequence[SucceededAttempt], after: Mapping[DeliveryKey, Status]
) -> set[DeliveryKey]:
    """Record what was accepted; return the keys whose status moved (the others were reported on before)."""
    moving = [a for a in attempts if a.key in after]
    rows = await queries.mark_delivered(
        c,
        **_columns(a.key for a in moving),
        befores=[a.before for a in moving],
        statuses=[after[a.key] for a in moving],
        ats=[a.outcome.at for a in moving],
        **_transport_columns(moving),
    )
    moved = _delivery_keys(rows)
    late = [a for a in attempts if a.key not in moved]
    if late:
        await queries.mark_delivered_late(
            c,
            **_columns(a.key for a in late),
            **_transport_columns(late),
        )
    return moved


def _transport_columns(attempts: Sequence[SucceededAttempt]) -> dict[str, list[Any] | None]:
    """Return where messages went, what the receiver answered and how long it took.

    A column without a value is left out: the driver looks at each member of an array three times.
    """
    columns: dict[str, list[Any]] = {
        "partitions": [a.outcome.partition for a in attempts],
        "offsets": [a.outcome.offset for a in attempts],
        "http_statuses": [a.outcome.http_status for a in attempts],
        "durations": [a.outcome.duration_ms for a in attempts],
    }
    return {name: None if all(value is None for value in column) else column for name, column in columns.items()}


async def mark_failed(
    c: Connection, attempts: Sequence[FailedAttempt], after: Mapping[DeliveryKey, Status]
) -> set[DeliveryKey]:
    """Keep the attempts that failed and move their deliveries on; return the keys whose status moved."""
    await queries.write_attempts(
        c,
        **_columns(a.key for a in attempts),
        ats=[a.outcome.at for a in attempts],
        outcomes=[outcome_name(a.outcome) for a in attempts],
        http_statuses=[a.outcome.http_status for a in attempts],
        durations=[a.outcome.duration_ms for a in attempts],
        errors=[a.outcome.error for a in attempts],
        answers=[a.outcome.answer for a in attempts],
    )
    moving = [a for a in attempts if a.key in after]
    if not moving:
        return set()
    rows = await queries.mark_failed(
        c,
        **_columns(a.key for a in moving),
        statuses=[after[a.key].value for a in moving],
        reasons=[a.reason for a in moving],
        ats=[a.outcome.at for a in moving],
        were_refused=[isinstance(a.outcome, Refused) for a in moving],
    )
    return _delivery_keys(rows)


async def return_lost_leases(c: Connection, owner: int, known: Iterable[LeaseKey]) -> list[LaneKey]:
    """Make lanes due again that an owner leases without knowing of the lease; return their keys."""
    leases = list(known)
    rows = await queries.return_lost_lanes(
        c,
        owner=owner,
        destinations=[lease.destination for lease in leases],
        brins=[lease.brin for lease in leases],
        tokens=[lease.token for lease in leases],
    )
    return [LaneKey(row["destination"], row["brin"]) for row in rows]


async def repair_stranded(c: Connection) -> list[LaneKey]:
    """Make lanes due that have deliveries, and neither a moment nor an owner; each one found is a fault of the hub."""
    return [LaneKey(row["destination"], row["brin"]) for row in await queries.repair_stranded_lanes(c)]


async def make_due(c: Connection, destinations: Sequence[int]) -> None:
    """Make all waiting lanes of these destinations due."""
    await queries.make_lanes_due(c, destinations=list(destinations))


def outcome_name(outcome: Delivered | Failure) -> str:
    """Return the word by which an attempt is kept, counted and logged."""
    return OUTCOME_NAMES[type(outcome).__name__]


def _columns(keys: Iterable[DeliveryKey]) -> dict[str, list[Any]]:
    listed = list(keys)
    return {
        "destinations": [key.destination for key in listed],
        "brins": [key.brin for key in listed],
        "sequences": [key.sequence for key in listed],
    }


def _delivery_keys(rows: Iterable[Iterable[Any]]) -> set[DeliveryKey]:
    return {DeliveryKey(*row) for row in rows}


def _queued_delivery(row: Mapping[str, Any]) -> QueuedDelivery:
    return QueuedDelivery(
        message=message_of(row),
        status=STATUSES[row["status"]],
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
        kind=KINDS[row["kind"]],
        replay_of=row["replay_of"],
        event_id=row["event_id"],
        mandate_id=row["mandate_id"],
        recorded_at=row["recorded_at"],
        units=row["units"],
        body=row["body"],
        traceparent=row["traceparent"],
        result=row["result"],
    )
