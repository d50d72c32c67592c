"""Audit entries of bulk jobs. In: a job, and what was done. Out: entries with the states before and after.

A job has an entry at each school that it names, or one where it names none; a cancelled delivery at its school.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.domain.bulk import BulkState
from hub.operations.audit import entry_by
from hub.store.audit import AuditEntry
from hub.store.people import Pseudonym, SystemActor

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from hub.access import Actor
    from hub.settle import Cancelled
    from hub.store.bulk import BulkJob, ClaimedJob


def decision_entries(
    job: BulkJob, actor: Actor, done: str, states: tuple[BulkState | None, BulkState]
) -> list[AuditEntry]:
    """Make entries of what a person did with a job; the state before is None when it was requested."""
    was, is_now = states
    change = None if was is None else {"state": was.value}, {"state": is_now.value}
    return [entry_by(actor, f"{job.kind}.{done}", _subject(job), change, brin) for brin in _chains(job)]


def completion_entries(job: BulkJob, at: datetime) -> list[AuditEntry]:
    """Make entries of a job that is done, with its counts and the hub as their actor."""
    return [
        AuditEntry(
            at=at,
            actor=SystemActor.HUB,
            action=f"{job.kind}.done",
            brin=brin,
            subject=_subject(job),
            before={"state": BulkState.RUNNING.value},
            after={"state": job.state.value, "done": job.done, "skipped": job.skipped},
        )
        for brin in _chains(job)
    ]


def cancellation_entries(claim: ClaimedJob, gone: Iterable[Cancelled], at: datetime) -> list[AuditEntry]:
    """Make one entry per school of cancelled deliveries, with the requester as its actor."""
    schools: dict[str, list[dict[str, Any]]] = {}
    for each in gone:
        entry = {
            "deliveryId": each.id,
            "before": {"status": each.before.value},
            "after": {"status": each.after.value},
        }
        schools.setdefault(each.brin, []).append(entry)
    return [
        AuditEntry(
            at=at,
            actor=Pseudonym(claim.asked_by),
            action="deliveries.cancelled",
            brin=brin,
            subject={f"{claim.kind}Id": claim.id},
            after={"deliveries": deliveries},
            reason=claim.reason,
        )
        for brin, deliveries in schools.items()
    ]


def _chains(job: BulkJob) -> list[str] | list[None]:
    return sorted(set(job.chosen["brins"] or ())) or [None]


def _subject(job: BulkJob) -> dict[str, Any]:
    return {f"{job.kind}Id": job.id, "chosen": job.chosen, "matched": job.matched, "toDo": job.todo}
