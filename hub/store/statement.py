"""The statement of a month. In: a range of ids, which carry the time of their change. Out: sums per destination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.store import observe
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import Any
    from uuid import UUID

    from hub.domain.objective import Objective
    from hub.store.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySums:
    """What became of deliveries; pairs of seconds are p50 and p99, None when nothing was measured."""

    messages: int = 0
    repeats: int = 0
    taken: int = 0
    open: int = 0
    dead: int = 0
    cancelled: int = 0
    failed_attempts: int = 0
    refused_attempts: int = 0
    attempted: int = 0
    attempted_in_time: int = 0
    taken_in_time: int = 0
    expected: int = 0
    reported: int = 0
    reported_in_time: int = 0
    rejected: int = 0
    with_signal: int = 0
    in_progress: int = 0
    hub_seconds: Sequence[float] | None = None
    receiver_seconds: Sequence[float] | None = None
    processing_seconds: Sequence[float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolSteps:
    """How many steps schools did in their systems, and p50 and p99 of the seconds that they took."""

    done: int = 0
    seconds: Sequence[float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementSums:
    """The sums of a period: in total, per destination, and for how many seconds each was away, cut off or held."""

    total: DeliverySums
    destinations: Mapping[int, DeliverySums]
    unavailable: Mapping[int, float]
    outages: Mapping[tuple[int, str], float]
    steps: SchoolSteps


async def read(
    c: Connection, ids: tuple[UUID, UUID], period: tuple[datetime, datetime], objective: Objective
) -> StatementSums:
    """Read the sums of the changes with ids in a range; `objective` is that of destinations without one of their own.

    The caller owns the transaction, in which whole tables may be scanned from here on.
    """
    await observe.allow_table_scans(c)
    low, high = ids
    since, until = period
    rows = await queries.read_statement(
        c, low=low, high=high, transport=objective.transport_seconds, processing=objective.processing_seconds
    )
    sums = {row["destination"]: _sums(row) for row in rows}
    away = await queries.read_unavailable_seconds(c, low=low, high=high, since=since, until=until)
    outages = await queries.read_outage_seconds(c, since=since, until=until)
    steps = await queries.read_school_steps(c, low=low, high=high)
    return StatementSums(
        total=sums.pop(None, DeliverySums()),
        destinations=sums,
        unavailable={row["destination"]: row["seconds"] for row in away},
        outages={(row["destination"], row["kind"]): row["seconds"] for row in outages},
        steps=SchoolSteps(done=steps["done"], seconds=_pair(steps["seconds"])),
    )


def _sums(row: Mapping[str, Any]) -> DeliverySums:
    named = {name: row[name] for name in DeliverySums.__slots__}
    pairs = {name: _pair(row[name]) for name in ("hub_seconds", "receiver_seconds", "processing_seconds")}
    return DeliverySums(**(named | pairs))


def _pair(seconds: Sequence[float | None] | None) -> Sequence[float] | None:
    found = [each for each in seconds or () if each is not None]
    return found or None
