"""Lanes and their deliveries: leased, read, completed. Every statement on several lanes locks them in key order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hub.domain.delivery import STATUSES, Move, Status
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


async def take(
    c: Connection, owner: int, permits: Mapping[int, int], most: int, together: int = 2**31 - 1
) -> dict[Lease, list[QueuedDelivery]]:
    """Lease due lanes, at most as many per destination as its permits; return them with their deliveries, in order.

    These are the `most` first above the head of each lane, or fewer, so that all lanes have no more than `together`.
    """
    rows = await queries.take_lanes(
        c,
        owner=owner,
        destinations=list(permits),
        permits=list(permits.values()),
        most_each=most,
        most_together=together,
    )
    taken: dict[tuple[int, str], tuple[Lease, list[QueuedDelivery]]] = {}
    for row in rows:
        destination, brin, head, sent, closed, token, early, sequence, *_ = row
        lane = taken.get((destination, brin))
        if lane is None:
            lease = Lease(
                destination=destination, brin=brin, head=head, sent=sent, closed=closed, token=token, early=early or 0.0
            )
            lane = taken[destination, brin] = lease, []
        if sequence is not None:
            lane[1].append(_queued_delivery(row))
    return dict(taken.values())


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


def _queued_delivery(row: Iterable[Any]) -> QueuedDelivery:
    """Build a delivery from the columns of `take_lanes`, by their places: by their names each would cost more."""
    (
        _, brin, _, _, _, _, _,
        sequence, id_, branch, kind, status, attempts, expects_report, failed_since, refusals, refused_since,
        replay_of, planned_at, result, event_id, mandate_id, recorded_at, units, body, traceparent,
    ) = row  # fmt: skip
    return QueuedDelivery(
        message=MessageRow(
            id_, brin, sequence, branch, KINDS[kind], replay_of, event_id, mandate_id, recorded_at, units, body,
            traceparent, result,
        ),
        status=STATUSES[status],
        attempts=attempts,
        expects_report=expects_report,
        failed_since=failed_since,
        planned_at=planned_at,
        refusals=refusals or 0,
        refused_since=refused_since,
    )  # fmt: skip


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
