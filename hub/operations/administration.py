"""Use case: a school's administrator changes mandates. In: an actor, a request. Out: the change and its audit entry.

The API and the pages both call these functions. The caller owns the transaction and notifies `events` after its commit.
A mandate that the actor may not read, or may read and not change, is answered as `NotFound`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub import register
from hub.access import rules
from hub.errors import NotFound, PreconditionFailed
from hub.register import Author, CopyRequest, moment
from hub.store import mandates
from hub.store.register import lock_schools
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
        SchoolChange,
        Succession,
        SuccessionRequest,
        VersionCheck,
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


async def grant(c: Connection, actor: Actor, request: GrantRequest) -> MandateView:
    """Grant a mandate for a school that the actor administers."""
    return await register.make(c, prepare_grant(actor, request))


def prepare_grant(actor: Actor, request: GrantRequest) -> SchoolChange:
    """Prepare a mandate for a school that the actor administers."""
    return register.prepare_grant(request, _moment(actor), _author(actor))


async def check_grant(c: Connection, actor: Actor, request: PartialGrant) -> list[FieldError]:
    """Return what is wrong with a request of which only a part could be read; nothing is granted."""
    return await register.check_grant(c, request, _moment(actor), _author(actor))


async def check_amendment(
    c: Connection, actor: Actor, mandate_id: UUID, patch: DateChange, expected: VersionCheck | None
) -> list[FieldError]:
    """Return what is wrong with new dates of which only a part could be read; nothing is changed."""
    author = Author(may_administer=actor.may_administer)
    return await register.check_amendment(c, mandate_id, patch, _moment(actor), author, expected)


async def amend(
    c: Connection, actor: Actor, mandate_id: UUID, patch: DateChange, expected: VersionCheck | None
) -> MandateView:
    """Give a mandate other dates."""
    return await register.make(c, prepare_amendment(actor, mandate_id, patch, expected))


def prepare_amendment(actor: Actor, mandate_id: UUID, patch: DateChange, expected: VersionCheck | None) -> SchoolChange:
    """Prepare other dates of a mandate."""
    return register.prepare_amendment(mandate_id, patch, _moment(actor), _author(actor), expected)


async def withdraw(
    c: Connection, actor: Actor, mandate_id: UUID, reason: str | None, expected: VersionCheck | None
) -> MandateView:
    """End a mandate at once."""
    return await register.make(c, prepare_withdrawal(actor, mandate_id, reason, expected))


def prepare_withdrawal(
    actor: Actor, mandate_id: UUID, reason: str | None, expected: VersionCheck | None
) -> SchoolChange:
    """Prepare the end of a mandate."""
    return register.prepare_withdrawal(mandate_id, _moment(actor), _author(actor, reason), expected)


async def succeed(c: Connection, actor: Actor, order: SuccessionRequest) -> Succession:
    """Grant a mandate and end the one that it follows, both or neither; a dry run writes nothing."""
    return await register.succeed(c, order, _moment(actor), _author(actor))


async def assign_routing(
    c: Connection,
    actor: Actor,
    mandate_id: UUID,
    branch: Branch,
    routing: RoutingId | None,
    expected: VersionCheck | None,
) -> MandateView:
    """Assign a routing characteristic to a branch; None assigns a free one."""
    return await register.make(c, prepare_routing(actor, mandate_id, branch, routing, expected))


def prepare_routing(
    actor: Actor, mandate_id: UUID, branch: Branch, routing: RoutingId | None, expected: VersionCheck | None
) -> SchoolChange:
    """Prepare a routing characteristic of a branch."""
    return register.prepare_routing(mandate_id, branch, routing, _moment(actor), _author(actor), expected)


async def remove_routing(
    c: Connection, actor: Actor, mandate_id: UUID, branch: Branch, expected: VersionCheck | None
) -> MandateView:
    """Remove the routing characteristic of a branch, which makes it part of the rest of the school again."""
    return await register.make(c, prepare_routing_removal(actor, mandate_id, branch, expected))


def prepare_routing_removal(
    actor: Actor, mandate_id: UUID, branch: Branch, expected: VersionCheck | None
) -> SchoolChange:
    """Prepare the removal of a routing characteristic."""
    return register.prepare_routing_removal(mandate_id, branch, _moment(actor), _author(actor), expected)


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
        await assign_routing(c, actor, mandate_id, branch, None, None)


async def copy(
    c: Connection, actor: Actor, mandate: Mandate, brins: Sequence[Brin], *, dry_run: bool
) -> list[CopyResult]:
    """Copy a mandate to other schools that the actor administers; a dry run writes nothing."""
    order = CopyRequest(mandate_id=mandate.id, brins=brins, dry_run=dry_run, service_code=mandate.service_code)
    return await register.copy(c, order, _moment(actor), _author(actor))


def _moment(actor: Actor) -> Moment:
    return moment(actor.at, current_traceparent())


def _author(actor: Actor, reason: str | None = None) -> Author:
    return Author(
        subject=actor.subject,
        may_administer=actor.may_administer,
        changes_per_hour=actor.changes_per_hour,
        reason=reason,
    )
