"""What the audit says of acts on many deliveries. In: an act, and what was done. Out: notes, from what to what.

An act is noted at each school that was named, or once where none was; what it cancels at the school whose it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.domain.bulk import BulkState
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
    """Note what a person did with an act, and from which state to which it went; from none when it was asked for."""
    was, is_now = states
    return [
        AuditEntry(
            at=actor.at,
            actor=actor.subject,
            action=f"{job.kind}.{done}",
            brin=brin,
            subject=_subject(job),
            before=None if was is None else {"state": was.value},
            after={"state": is_now.value},
            reason=actor.reason,
        )
        for brin in _chains(job)
    ]


def completion_entries(job: BulkJob, at: datetime) -> list[AuditEntry]:
    """Note that nothing is left to do of an act, and what it came to: nobody pressed that, so the hub stands for it."""
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
    """Note per school from what to what its deliveries went, for whoever asked for that."""
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
