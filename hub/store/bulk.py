"""Rows of bulk jobs. In: selections, jobs, items. Out: what matches, and what is left to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from hub.domain.bulk import NO_RECENT_VOLUME, BulkKind, BulkState, RecentVolume, SelectedUnit
from hub.domain.ids import lowest_at
from hub.domain.keys import DeliveryKey
from hub.store.deliveries import MILLISECOND_MASK
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from hub.domain.bulk import ActKind, BulkEstimate
    from hub.domain.restating import UnitKey
    from hub.store.pool import Connection

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkSelection:
    """A selection of deliveries; None selects all. `statuses` are statuses as shown."""

    destination: str | None = None
    brins: Sequence[str] | None = None
    mandate_ids: Sequence[UUID] | None = None
    delivery_ids: Sequence[UUID] | None = None
    statuses: Sequence[str] | None = None
    planned_from: datetime | None = None
    planned_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkJob:
    """A requested replay or cancellation; `chosen` and `sample` as they are shown."""

    id: UUID
    kind: BulkKind
    chosen: Json
    reason: str
    rate: int
    state: BulkState
    asked_by: str
    asked_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None
    matched: int
    superseded: int
    todo: int
    done: int = 0
    skipped: int = 0
    ends: int
    sample: list[Json]
    next_at: datetime
    ended_at: datetime | None = None
    before: RecentVolume = NO_RECENT_VOLUME


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedJob:
    """A job that is due, locked by this transaction."""

    id: UUID
    kind: BulkKind
    asked_by: str
    reason: str
    rate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkItem:
    """One item of a job: a unit to replay, or the delivery of this number in its lane to cancel."""

    position: int
    destination: int
    brin: str
    mandate_id: UUID
    branch: str
    sequence: int

    @property
    def unit(self) -> UnitKey:
        """The unit."""
        return self.destination, self.brin, self.mandate_id, self.branch

    @property
    def key(self) -> DeliveryKey:
        """The key of the delivery."""
        return DeliveryKey(self.destination, self.brin, self.sequence)


async def choose(
    c: Connection, chosen: BulkSelection, destination: int | None, held: Collection[int], *, only_waiting: bool
) -> list[SelectedUnit]:
    """Find what matches: per unit its newest delivery, or each that waits. `held` are closed destinations."""
    until = chosen.planned_until
    async with c.transaction():
        await queries.force_custom_plan(c)
        rows = await queries.choose_deliveries(
            c,
            destination=destination,
            brins=_listed(chosen.brins),
            ids=_listed(chosen.delivery_ids),
            mandates=_listed(chosen.mandate_ids),
            planned_from=chosen.planned_from,
            planned_until=until,
            highest_id=None if until is None else UUID(int=lowest_at(until).int | MILLISECOND_MASK),
            only_waiting=only_waiting,
            statuses=_listed(chosen.statuses),
            held_destinations=list(held),
        )
    return [_choice(row) for row in rows]


async def lock_recent_volume(c: Connection, kind: ActKind, person: str) -> RecentVolume:
    """Read what a person began of a kind, and lock it against other acts of that person and kind."""
    await queries.lock_bulk_requester(c, kind=kind.value, person=person)
    return await read_begun(c, kind, person)


async def insert_single_act(c: Connection, kind: ActKind, person: str) -> None:
    """Count one act that is no job, by the database's clock."""
    await queries.insert_single_act(c, kind=kind.value, person=person)


async def read_begun(c: Connection, kind: ActKind, person: str) -> RecentVolume:
    """Read what a person began of a kind in the last day, by the database's clock, without another's approval."""
    return RecentVolume(**await queries.read_recent_volume(c, kind=kind.value, person=person))


async def insert_job(c: Connection, job: BulkJob, counted: BulkEstimate) -> BulkJob:
    """Store a job with its items; return it with the database's moment of the request."""
    await queries.insert_bulk_job(
        c,
        id=job.id,
        kind=job.kind.value,
        chosen=orjson.dumps(job.chosen).decode(),
        reason=job.reason,
        rate=job.rate,
        state=job.state.value,
        asked_by=job.asked_by,
        now=job.asked_at,
        matched=job.matched,
        superseded=job.superseded,
        todo=job.todo,
        ends=job.ends,
        sample=orjson.dumps(job.sample).decode(),
        recent=job.before.deliveries,
        recent_since=job.before.since,
    )
    await _enter_items(c, job.id, counted)
    entered = await read(c, job.id)
    assert entered is not None  # noqa: S101 - just written
    return entered


async def read(c: Connection, job: UUID, kind: BulkKind | None = None) -> BulkJob | None:
    """Read a job, of one kind or of any."""
    row = await queries.read_bulk_job(c, id=job, kind=None if kind is None else kind.value)
    return None if row is None else _job(row)


async def lock(c: Connection, job: UUID, kind: BulkKind | None = None) -> BulkJob | None:
    """Read a job and lock it, also against its batches, until the transaction ends."""
    await queries.lock_bulk_job(c, id=job)
    return await read(c, job, kind)


async def list_jobs(c: Connection, kind: BulkKind, before: UUID | None, most: int) -> list[BulkJob]:
    """List the jobs of a kind, newest first."""
    return [_job(row) for row in await queries.list_bulk_jobs(c, kind=kind.value, before=before, most=most)]


async def approve(c: Connection, job: UUID, approver: str, now: datetime) -> None:
    """Approve a job."""
    await queries.approve_bulk_job(c, id=job, approved_by=approver, now=now)


async def stop(c: Connection, job: UUID, now: datetime) -> None:
    """End a job and delete its remaining items."""
    await queries.delete_bulk_items(c, job_id=job)
    await queries.end_bulk_job(c, id=job, state=BulkState.CANCELLED.value, now=now)


async def claim(c: Connection, now: datetime) -> ClaimedJob | None:
    """Lock the job that is due, if no other process has it."""
    row = await queries.claim_bulk_job(c, now=now)
    return None if row is None else ClaimedJob(**{**row, "kind": BulkKind(row["kind"])})


async def items(c: Connection, claim: ClaimedJob, most: int) -> list[BulkItem]:
    """Read the next items; a cancellation leaves out what is in flight."""
    only_idle = claim.kind is BulkKind.CANCELLATION
    return [
        BulkItem(**row)
        for row in await queries.read_next_bulk_items(c, job_id=claim.id, only_idle=only_idle, most=most)
    ]


async def advance(
    c: Connection,
    claim: ClaimedJob,
    completed: Collection[int],
    counts: tuple[int, int],
    times: tuple[datetime, datetime],
) -> BulkState:
    """Delete items and count them (done, skipped); `times` are now and the next batch. Return the job's state."""
    await queries.delete_done_bulk_items(c, job_id=claim.id, positions=list(completed))
    done, skipped = counts
    now, next_at = times
    state = await queries.advance_bulk_job(c, id=claim.id, done=done, skipped=skipped, now=now, next_at=next_at)
    return BulkState(state)


async def _enter_items(c: Connection, job: UUID, counted: BulkEstimate) -> None:
    await queries.insert_bulk_items(
        c,
        job_id=job,
        destinations=[choice.unit[0] for choice in counted.todo],
        brins=[choice.unit[1] for choice in counted.todo],
        mandates=[choice.unit[2] for choice in counted.todo],
        branches=[choice.unit[3] for choice in counted.todo],
        sequences=[choice.sequence for choice in counted.todo],
    )


def _listed(given: Sequence[Any] | None) -> list[Any] | None:
    return None if given is None else list(given)


def _choice(row: Mapping[str, Any]) -> SelectedUnit:
    return SelectedUnit(
        unit=(row["destination"], row["brin"], row["mandate_id"], row["branch"]),
        sequence=row["sequence"],
        delivery_id=row["delivery_id"],
        mandate_version=row["mandate_version"],
        matched=row["matched"],
        is_end=row["is_end"],
    )


def _job(row: Mapping[str, Any]) -> BulkJob:
    own = {name: each for name, each in row.items() if not name.startswith("recent")}
    return BulkJob(
        **{
            **own,
            "before": RecentVolume(deliveries=row["recent"], since=row["recent_since"]),
            "kind": BulkKind(row["kind"]),
            "state": BulkState(row["state"]),
            "chosen": orjson.loads(row["chosen"]),
            "sample": orjson.loads(row["sample"]),
        }
    )
