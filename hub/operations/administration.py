"""Use case: a school's administrator changes mandates. In: an actor, a request. Out: the change and its audit entry.

The API and the pages both call these functions. The caller owns the transaction and notifies `events` after its commit.
A mandate that the actor may not read, or may read and not change, is answered as `NotFound`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub import register
from hub.access import rules
from hub.errors import NotFound, PreconditionFailed
from hub.operations.pace import check_pace
from hub.register import CopyRequest, moment
from hub.store import audit, mandates
from hub.store.audit import AuditEntry
from hub.store.register import find_mandate, lock_schools
from hub.telemetry import current_traceparent
from schemas.identifiers import brin_of_branch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from hub.access import Actor
    from hub.domain.mandate import Mandate
    from hub.errors import FieldError
    from hub.register import (
        CopyResult,
        DateChange,
        GrantRequest,
        Moment,
        PartialGrant,
        Succession,
        SuccessionRequest,
    )
    from hub.store.mandates import MandateView
    from hub.store.pool import Connection
    from schemas.identifiers import Branch, Brin, RoutingId


async def read_visible(c: Connection, actor: Actor, mandate_id: UUID) -> MandateView:
    """Return a mandate that the actor may read; raise `NotFound` otherwise."""
    found = await mandates.mandate_view(c, mandate_id, rules.mandate_scope(actor.caller))
    if found is None:
        msg = f"no mandate {mandate_id}"
        raise NotFound(msg)
    return found


async def read_own(c: Connection, actor: Actor, mandate_id: UUID) -> MandateView:
    """Return a mandate that the actor may change; raise `NotFound` otherwise."""
    found = await read_visible(c, actor, mandate_id)
    if not rules.may_change_mandate(actor.caller, found):
        msg = f"no mandate {mandate_id}"
        raise NotFound(msg)
    return found


async def grant(c: Connection, actor: Actor, request: GrantRequest) -> Mandate:
    """Grant a mandate for a school that the actor administers."""
    made = await register.grant(c, request, _moment(actor), actor.may_administer)
    await check_pace(c, actor, [made.brin])
    await _write_audit(c, actor, "mandate.granted", None, made)
    return made


async def check_grant(c: Connection, actor: Actor, request: PartialGrant) -> list[FieldError]:
    """Return what is wrong with a request of which only a part could be read; nothing is granted."""
    return await register.check_grant(c, request, _moment(actor), actor.may_administer)


async def check_amendment(
    c: Connection, actor: Actor, mandate: Mandate, patch: DateChange, expected: int | None
) -> list[FieldError]:
    """Return what is wrong with new dates of which only a part could be read; nothing is changed."""
    return await register.check_amendment(c, mandate.id, patch, _moment(actor), expected)


async def amend(c: Connection, actor: Actor, mandate: Mandate, patch: DateChange, expected: int | None) -> Mandate:
    """Give a mandate other dates."""
    before = await _lock(c, actor, mandate)
    after = await register.amend(c, mandate.id, patch, _moment(actor), expected)
    await _write_audit(c, actor, "mandate.amended", before, after)
    return after


async def withdraw(c: Connection, actor: Actor, mandate: Mandate, reason: str | None, expected: int | None) -> Mandate:
    """End a mandate at once."""
    before = await _lock(c, actor, mandate)
    after = await register.withdraw(c, mandate.id, _moment(actor), expected)
    await _write_audit(c, actor, "mandate.withdrawn", before, after, reason=reason)
    return after


async def succeed(c: Connection, actor: Actor, order: SuccessionRequest) -> Succession:
    """Grant a mandate and end the one that it follows, both or neither; a dry run writes nothing."""
    done = await register.succeed(c, order, _moment(actor), actor.may_administer)
    if order.dry_run:
        return done
    await check_pace(c, actor, [done.granted.brin])
    if done.ended is not None:
        action = "mandate.withdrawn" if done.ended.withdrawn_at else "mandate.amended"
        await _write_audit(c, actor, action, done.before, done.ended)
    await _write_audit(c, actor, "mandate.granted", None, done.granted)
    return done


async def assign_routing(
    c: Connection, actor: Actor, mandate: Mandate, branch: Branch, routing: RoutingId | None, expected: int | None
) -> Mandate:
    """Assign a routing characteristic to a branch; None assigns a free one."""
    before = await _lock(c, actor, mandate)
    after = await register.assign_routing(c, mandate.id, branch, routing, _moment(actor), expected)
    await _write_audit(c, actor, "routing.assigned", before, after, branch=branch)
    return after


async def remove_routing(
    c: Connection, actor: Actor, mandate: Mandate, branch: Branch, expected: int | None
) -> Mandate:
    """Remove the routing characteristic of a branch, which makes it part of the rest of the school again."""
    before = await _lock(c, actor, mandate)
    after = await register.remove_routing(c, mandate.id, branch, _moment(actor), expected)
    await _write_audit(c, actor, "routing.removed", before, after, branch=branch)
    return after


async def assign_free_routing(
    c: Connection, actor: Actor, choices: Mapping[Branch, UUID], versions: Mapping[UUID, int]
) -> None:
    """Assign a free routing characteristic to each of these branches of a school, in the mandate chosen for it.

    Raises `PreconditionFailed` when a mandate has another version than the choice was based on.
    """
    await lock_schools(c, {brin_of_branch(branch) for branch in choices})
    held = {mandate_id: (await read_own(c, actor, mandate_id)).mandate for mandate_id in {*choices.values(), *versions}}
    if any(mandate.version != versions.get(mandate.id) for mandate in held.values()):
        raise PreconditionFailed
    for branch, mandate_id in sorted(choices.items()):
        await assign_routing(c, actor, held[mandate_id], branch, None, None)


async def copy(
    c: Connection, actor: Actor, mandate: Mandate, brins: Sequence[Brin], *, dry_run: bool
) -> list[CopyResult]:
    """Copy a mandate to other schools that the actor administers; a dry run writes nothing."""
    order = CopyRequest(mandate_id=mandate.id, brins=brins, may_administer=actor.may_administer, dry_run=dry_run)
    results = await register.copy(c, order, _moment(actor))
    if not dry_run:
        await check_pace(c, actor, [result.brin for result in results if result.mandate_id])
        await audit.write_all(c, [_copy_entry(actor, mandate, result) for result in results if result.mandate_id])
    return results


def _moment(actor: Actor) -> Moment:
    return moment(actor.at, current_traceparent())


async def _lock(c: Connection, actor: Actor, mandate: Mandate) -> Mandate:
    """Lock a mandate's school and return the mandate as it is just before the change."""
    await lock_schools(c, [mandate.brin])
    await check_pace(c, actor, [mandate.brin])
    return await find_mandate(c, mandate.id) or mandate


async def _write_audit(
    c: Connection, actor: Actor, action: str, before: Mandate | None, after: Mandate, **more: str | None
) -> None:
    """Write the audit entry of a change, unless nothing changed; `more` is the reason, or the branch concerned."""
    if before is not None and before.version == after.version:
        return
    reason = more.pop("reason", None)
    entry = AuditEntry(
        at=_moment(actor).now,
        actor=actor.subject,
        action=action,
        brin=after.brin,
        subject=register.mandate_identity(after) | more,
        reason=reason,
        **register.mandate_changes(before, after),
    )
    await audit.write(c, entry)


def _copy_entry(actor: Actor, source: Mandate, result: CopyResult) -> AuditEntry:
    return AuditEntry(
        at=_moment(actor).now,
        actor=actor.subject,
        action="mandate.copied",
        brin=result.brin,
        subject=register.mandate_identity(source) | {"mandateId": result.mandate_id, "copiedFrom": source.id},
        after={"startDate": source.start_date, "endDate": source.end_date},
    )
