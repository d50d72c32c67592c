"""Use case: what a school's administrator does. In: a wish, and who wishes it. Out: it is done, and noted in the audit.

The API and the pages come here both. The caller owns the transaction, and rings `events` when it is committed. What
somebody may not read is not there; what they may read and not change is not there to be changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub import register
from hub.errors import NotFound, PreconditionFailed
from hub.register import Order
from hub.sight import administers, sight_of
from hub.store import audit, mandates
from hub.store.audit import Note
from hub.store.register import find_mandate, lock_schools
from hub.tokens import Role
from schemas.identifiers import brin_of_branch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from hub.domain.mandate import Mandate
    from hub.domain.school import School
    from hub.errors import FieldError
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


async def grant(c: Connection, hand: Hand, wish: Wish, unread: Sequence[FieldError] = ()) -> Mandate:
    """Grant a mandate for a school of theirs; what of the wish is `unread` is refused with all else that is wrong."""
    made = await register.grant(c, wish, hand.at, hand.may, unread)
    await _note(c, hand, "mandate.granted", None, made)
    return made


async def amend(
    c: Connection,
    hand: Hand,
    mandate: Mandate,
    patch: Patch,
    expected: int | None,
    unread: Sequence[FieldError] = (),
) -> Mandate:
    """Give a mandate of theirs other dates; what of the patch is `unread` is refused with all else that is wrong."""
    before = await _hold(c, mandate)
    after = await register.amend(c, mandate.id, patch, hand.at, expected, unread)
    await _note(c, hand, "mandate.amended", before, after)
    return after


async def withdraw(c: Connection, hand: Hand, mandate: Mandate, reason: str | None, expected: int | None) -> Mandate:
    """End a mandate of theirs at once."""
    before = await _hold(c, mandate)
    after = await register.withdraw(c, mandate.id, hand.at, expected)
    await _note(c, hand, "mandate.withdrawn", before, after, reason=reason)
    return after


async def assign_routing(
    c: Connection, hand: Hand, mandate: Mandate, branch: Branch, routing: RoutingId | None, expected: int | None
) -> Mandate:
    """Reach a branch by a routing characteristic; None hands out a free one."""
    before = await _hold(c, mandate)
    after = await register.assign_routing(c, mandate.id, branch, routing, hand.at, expected)
    await _note(c, hand, "routing.assigned", before, after, branch=branch)
    return after


async def remove_routing(c: Connection, hand: Hand, mandate: Mandate, branch: Branch, expected: int | None) -> Mandate:
    """Let a branch be part of the rest of the school again."""
    before = await _hold(c, mandate)
    after = await register.remove_routing(c, mandate.id, branch, hand.at, expected)
    await _note(c, hand, "routing.removed", before, after, branch=branch)
    return after


async def divide(c: Connection, hand: Hand, choices: Mapping[Branch, UUID], versions: Mapping[UUID, int]) -> None:
    """Give each of these branches of a school a free routing characteristic in the mandate chosen for it.

    Raises `PreconditionFailed` when one of the mandates has not the version that the choice was made by.
    """
    await lock_schools(c, {brin_of_branch(branch) for branch in choices})
    held = {mandate_id: (await own(c, hand, mandate_id)).mandate for mandate_id in {*choices.values(), *versions}}
    if any(mandate.version != versions.get(mandate.id) for mandate in held.values()):
        raise PreconditionFailed
    for branch, mandate_id in sorted(choices.items()):
        await assign_routing(c, hand, held[mandate_id], branch, None, None)


async def copy(
    c: Connection, hand: Hand, mandate: Mandate, brins: Sequence[Brin], *, dry_run: bool
) -> list[CopyResult]:
    """Copy a mandate of theirs to other schools of theirs; a dry run writes nothing."""
    order = Order(mandate_id=mandate.id, brins=brins, may=hand.may, dry_run=dry_run)
    results = await register.copy(c, order, hand.at)
    if not dry_run:
        await audit.write_all(c, [_note_of_copy(hand, mandate, result) for result in results if result.mandate_id])
    return results


async def _hold(c: Connection, mandate: Mandate) -> Mandate:
    """Hold a mandate's school and read the mandate again: what it was is what it is just before it changes."""
    await lock_schools(c, [mandate.brin])
    return await find_mandate(c, mandate.id) or mandate


async def _note(
    c: Connection, hand: Hand, action: str, before: Mandate | None, after: Mandate, **more: str | None
) -> None:
    """Note what they did to a mandate, unless it changed nothing; `more` is the reason, or the branch it was about."""
    if before is not None and before.version == after.version:
        return
    reason = more.pop("reason", None)
    note = Note(
        at=hand.at.now,
        actor=hand.caller.subject,
        action=action,
        brin=after.brin,
        subject=register.identity(after) | more,
        reason=reason,
        **register.differences(before, after),
    )
    await audit.write(c, note)


def _note_of_copy(hand: Hand, source: Mandate, result: CopyResult) -> Note:
    return Note(
        at=hand.at.now,
        actor=hand.caller.subject,
        action="mandate.copied",
        brin=result.brin,
        subject=register.identity(source) | {"mandateId": result.mandate_id, "copiedFrom": source.id},
        after={"startDate": source.start_date, "endDate": source.end_date},
    )
