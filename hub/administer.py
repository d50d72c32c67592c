"""Use case: what a school's administrator does. In: a wish, and who wishes it. Out: it is done, and noted in the audit.

The API and the pages come here both. The caller owns the transaction, and rings `events` when it is committed. What
somebody may not read is not there; what they may read and not change is not there to be changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hub import register
from hub.errors import NotFound
from hub.register import AS_IT_IS, Order
from hub.sight import administers, sight_of
from hub.store import audit, mandates
from hub.store.audit import Note
from hub.tokens import Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from uuid import UUID

    from hub.domain.mandate import Mandate
    from hub.domain.school import School
    from hub.register import CopyResult, Moment, Patch, Wish
    from hub.store.mandates import MandateView
    from hub.store.pool import Connection
    from hub.tokens import Caller
    from schemas.identifiers import Branch, Brin, RoutingId


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """Who does something, and when."""

    caller: Caller
    at: Moment

    def may(self, school: School) -> bool:
        """Say whether they administer a school."""
        return administers(self.caller, school)


async def look(c: Connection, hand: Hand, mandate_id: UUID) -> MandateView:
    """Read a mandate; `NotFound` when they may not."""
    found = await mandates.mandate_view(c, mandate_id, sight_of(hand.caller))
    if found is None:
        msg = f"no mandate {mandate_id}"
        raise NotFound(msg)
    return found


async def own(c: Connection, hand: Hand, mandate_id: UUID) -> MandateView:
    """Read a mandate that they may change; `NotFound` when they may not."""
    found = await look(c, hand, mandate_id)
    is_theirs = found.mandate.brin in hand.caller.brins or found.bge_code in hand.caller.bges
    if not (is_theirs and hand.caller.has(Role.SCHOOL)):
        msg = f"no mandate {mandate_id}"
        raise NotFound(msg)
    return found


async def grant(c: Connection, hand: Hand, wish: Wish) -> Mandate:
    """Grant a mandate for a school of theirs."""
    made = await register.grant(c, wish, hand.at, hand.may)
    await _note(c, hand, "mandate.granted", made.brin, {"mandateId": made.id})
    return made


async def amend(c: Connection, hand: Hand, mandate: Mandate, patch: Patch, expected: int | None) -> Mandate:
    """Give a mandate of theirs other dates."""
    after = await register.amend(c, mandate.id, patch, hand.at, expected)
    await _note(c, hand, "mandate.amended", mandate.brin, {"mandateId": mandate.id, **_given(patch)})
    return after


async def withdraw(c: Connection, hand: Hand, mandate: Mandate, reason: str | None, expected: int | None) -> Mandate:
    """End a mandate of theirs at once."""
    after = await register.withdraw(c, mandate.id, hand.at, expected)
    await _note(c, hand, "mandate.withdrawn", mandate.brin, {"mandateId": mandate.id}, reason)
    return after


async def assign_routing(
    c: Connection, hand: Hand, mandate: Mandate, branch: Branch, routing: RoutingId | None, expected: int | None
) -> Mandate:
    """Reach a branch by a routing characteristic; None hands out a free one."""
    after = await register.assign_routing(c, mandate.id, branch, routing, hand.at, expected)
    subject = {"mandateId": mandate.id, "branch": branch, "routingId": after.routes[branch]}
    await _note(c, hand, "routing.assigned", mandate.brin, subject)
    return after


async def remove_routing(c: Connection, hand: Hand, mandate: Mandate, branch: Branch, expected: int | None) -> Mandate:
    """Let a branch be part of the rest of the school again."""
    after = await register.remove_routing(c, mandate.id, branch, hand.at, expected)
    await _note(c, hand, "routing.removed", mandate.brin, {"mandateId": mandate.id, "branch": branch})
    return after


async def copy(
    c: Connection, hand: Hand, mandate: Mandate, brins: Sequence[Brin], *, dry_run: bool
) -> list[CopyResult]:
    """Copy a mandate of theirs to other schools of theirs; a dry run writes nothing."""
    order = Order(mandate_id=mandate.id, brins=brins, may=hand.may, dry_run=dry_run)
    results = await register.copy(c, order, hand.at)
    if not dry_run:
        made = [str(result.mandate_id) for result in results if result.mandate_id is not None]
        await _note(c, hand, "mandate.copied", None, {"mandateId": mandate.id, "copies": made})
    return results


def _given(patch: Patch) -> dict[str, date | None]:
    dates = {"startDate": patch.start_date, "endDate": patch.end_date}
    return {name: day for name, day in dates.items() if day is not AS_IT_IS}


async def _note(
    c: Connection, hand: Hand, action: str, brin: str | None, subject: Mapping[str, Any], reason: str | None = None
) -> None:
    note = Note(at=hand.at.now, actor=hand.caller.subject, action=action, brin=brin, subject=subject, reason=reason)
    await audit.write(c, note)
