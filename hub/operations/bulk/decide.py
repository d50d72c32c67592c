"""Approve or stop a bulk job. In: its id, who decides, why. Out: it begins, or it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from hub.access.rules import Objection, objection
from hub.domain.bulk import BulkKind, BulkState
from hub.errors import Conflict, NotFound
from hub.operations.bulk.audit import decision_entries
from hub.store import audit, bulk, people

if TYPE_CHECKING:
    from uuid import UUID

    from hub.access import Actor
    from hub.store.bulk import BulkJob
    from hub.store.pool import Connection


async def read(c: Connection, job: UUID, kind: BulkKind | None = None) -> BulkJob:
    """Read a job; raise `NotFound` when there is none of this kind."""
    return _require(await bulk.read(c, job, kind), job)


async def approve(c: Connection, job_id: UUID, actor: Actor, kind: BulkKind | None = None) -> BulkJob:
    """Approve a job so that it begins; the caller owns the transaction.

    Raises `Conflict`: `own_request` for the requester, `final` when it does not await approval.
    """
    job = _require(await bulk.lock(c, job_id, kind), job_id)
    approver = await people.pseudonym(c, actor.subject, actor.at)
    match objection(job.state, job.asked_by, approver):
        case None:
            await bulk.approve(c, job.id, approver, actor.at)
        case Objection.OWN_REQUEST as own:
            raise Conflict(own, f"the requester of {job.kind} {job.id} cannot approve it; ask another operator")
        case Objection.NOT_AWAITED as final:
            raise Conflict(final, f"{job.kind} {job.id} is {job.state}; it does not await approval")
        case never:
            assert_never(never)
    begun = await read(c, job.id)
    await audit.write_all(c, decision_entries(job, actor, "approved", (job.state, begun.state)))
    return begun


async def stop(c: Connection, job_id: UUID, actor: Actor, kind: BulkKind | None = None) -> BulkJob:
    """Stop a job; what was done stays. Raise `Conflict` `final` when it has ended."""
    job = _require(await bulk.lock(c, job_id, kind), job_id)
    if job.state in (BulkState.DONE, BulkState.CANCELLED):
        raise Conflict("final", f"{job.kind} {job.id} is {job.state} already")
    await bulk.stop(c, job.id, actor.at)
    stopped = await read(c, job.id)
    await audit.write_all(c, decision_entries(job, actor, "cancelled", (job.state, stopped.state)))
    return stopped


def _require(job: BulkJob | None, job_id: UUID) -> BulkJob:
    if job is None:
        raise NotFound(f"no act {job_id}")
    return job
