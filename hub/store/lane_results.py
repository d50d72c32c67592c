"""What came of leased lanes. In: where they stand, and their attempts. Out: rows. Lanes are given in key order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import asyncpg

from hub.domain.delivery import Refused
from hub.domain.keys import DeliveryKey, LaneKey
from hub.store.lanes import outcome_name
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hub.domain.delivery import Status
    from hub.store.lanes import FailedAttempt, LaneUpdate, SucceededAttempt
    from hub.store.pool import Connection

NOT_AS_READ: Final = "OSR01"
"""What `record_accepted` raises in the database."""


async def complete(c: Connection, owner: int, updates: Iterable[LaneUpdate]) -> set[LaneKey]:
    """Write where lanes stand and give them back; return those whose lease still held."""
    ordered = sorted(updates, key=lambda update: update.lease.key)
    rows = await queries.complete_lanes(
        c,
        owner=owner,
        destinations=[u.lease.destination for u in ordered],
        brins=[u.lease.brin for u in ordered],
        **_standing_columns(ordered),
        waits=[u.wait for u in ordered],
        keeps=[u.keeps_schedule for u in ordered],
    )
    return {LaneKey(row["destination"], row["brin"]) for row in rows}


async def record_accepted(
    c: Connection,
    owner: int,
    updates: Iterable[LaneUpdate],
    attempts: Sequence[SucceededAttempt],
    after: Mapping[DeliveryKey, Status],
    moves: Mapping[str, Any],
) -> bool | None:
    """Complete lanes of which every attempt was accepted, in one statement; return whether one of them is due again.

    Return None, and write nothing, where a lane has another owner by now or a delivery moved already. `moves` are the
    columns of the tallies and the changes of the outbox.
    """
    ordered = sorted(updates, key=lambda update: update.lease.key)
    try:
        is_due: bool = await queries.record_accepted(
            c,
            owner=owner,
            lane_destinations=[u.lease.destination for u in ordered],
            lane_brins=[u.lease.brin for u in ordered],
            **_standing_columns(ordered),
            **_delivered_columns(attempts, after),
            **moves,
        )
    except asyncpg.PostgresError as error:
        if error.sqlstate != NOT_AS_READ:
            raise
        return None
    return is_due


async def mark_delivered(
    c: Connection, attempts: Sequence[SucceededAttempt], after: Mapping[DeliveryKey, Status]
) -> set[DeliveryKey]:
    """Record what was accepted; return the keys whose status moved (the others were reported on before)."""
    moving = [a for a in attempts if a.key in after]
    rows = await queries.mark_delivered(c, **_delivered_columns(moving, after))
    moved = _delivery_keys(rows)
    late = [a for a in attempts if a.key not in moved]
    if late:
        await queries.mark_delivered_late(
            c,
            **_columns(a.key for a in late),
            **_transport_columns(late),
        )
    return moved


def _standing_columns(updates: Sequence[LaneUpdate]) -> dict[str, list[int]]:
    return {
        "tokens": [u.lease.token for u in updates],
        "heads": [u.head for u in updates],
        "sents": [u.sent for u in updates],
        "closeds": [u.closed for u in updates],
    }


def _delivered_columns(
    attempts: Sequence[SucceededAttempt], after: Mapping[DeliveryKey, Status]
) -> dict[str, list[Any] | None]:
    return {
        **_columns(a.key for a in attempts),
        "befores": [a.before for a in attempts],
        "statuses": [after[a.key] for a in attempts],
        "ats": [a.outcome.at for a in attempts],
        **_transport_columns(attempts),
    }


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


def _columns(keys: Iterable[DeliveryKey]) -> dict[str, list[Any]]:
    listed = list(keys)
    return {
        "destinations": [key.destination for key in listed],
        "brins": [key.brin for key in listed],
        "sequences": [key.sequence for key in listed],
    }


def _delivery_keys(rows: Iterable[Iterable[Any]]) -> set[DeliveryKey]:
    return {DeliveryKey(*row) for row in rows}
