"""What the audit says of acts on many deliveries. In: an act, and what was done. Out: notes, from what to what.

An act is noted at each school that was named, or once where none was; what it cancels at the school whose it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.domain.bulk import BulkState
from hub.store.audit import Note
from hub.store.people import Ours, Pseudonym

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from hub.operate import Press
    from hub.settle import Cancelled
    from hub.store.bulk import Act, Claim


def pressed(act: Act, press: Press, done: str, states: tuple[BulkState | None, BulkState]) -> list[Note]:
    """Note what a person did with an act, and from which state to which it went; from none when it was asked for."""
    was, is_now = states
    return [
        Note(
            at=press.at,
            actor=press.actor,
            action=f"{act.kind}.{done}",
            brin=brin,
            subject=_subject(act),
            before=None if was is None else {"state": was.value},
            after={"state": is_now.value},
            reason=press.reason,
        )
        for brin in _schools(act)
    ]


def ended(act: Act, at: datetime) -> list[Note]:
    """Note that nothing is left to do of an act, and what it came to: nobody pressed that, so the hub stands for it."""
    return [
        Note(
            at=at,
            actor=Ours.HUB,
            action=f"{act.kind}.done",
            brin=brin,
            subject=_subject(act),
            before={"state": BulkState.RUNNING.value},
            after={"state": act.state.value, "done": act.done, "skipped": act.skipped},
        )
        for brin in _schools(act)
    ]


def cancelled(claim: Claim, gone: Iterable[Cancelled], at: datetime) -> list[Note]:
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
        Note(
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


def _schools(act: Act) -> list[str] | list[None]:
    return sorted(set(act.chosen["brins"] or ())) or [None]


def _subject(act: Act) -> dict[str, Any]:
    return {f"{act.kind}Id": act.id, "chosen": act.chosen, "matched": act.matched, "toDo": act.todo}
