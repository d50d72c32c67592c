"""People decide on an act that was asked for. In: an act's id, who decides, why. Out: it begins, or it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from hub.bulk.noted import pressed
from hub.domain.bulk import BulkKind, BulkState, Objection, objection
from hub.errors import Conflict, NotFound
from hub.store import audit, bulk, people

if TYPE_CHECKING:
    from uuid import UUID

    from hub.operate import Press
    from hub.store.bulk import Act
    from hub.store.pool import Connection


async def read(c: Connection, act: UUID, kind: BulkKind | None = None) -> Act:
    """Read an act; `NotFound` when there is none of this kind."""
    return _there(await bulk.read(c, act, kind), act)


async def approve(c: Connection, act_id: UUID, press: Press, kind: BulkKind | None = None) -> Act:
    """Let an act begin; the caller owns the transaction.

    Raises `Conflict`: `own_request` to whoever asked for it, `final` when it does not wait for anybody.
    """
    act = _there(await bulk.lock(c, act_id, kind), act_id)
    approver = await people.pseudonym(c, press.actor, press.at)
    match objection(act.state, act.asked_by, approver):
        case None:
            await bulk.approve(c, act.id, approver, press.at)
        case Objection.OWN_REQUEST as own:
            raise Conflict(own, f"whoever asked for {act.kind} {act.id} cannot approve it; ask another operator")
        case Objection.NOT_AWAITED as final:
            raise Conflict(final, f"{act.kind} {act.id} is {act.state}; it waits for nobody")
        case never:
            assert_never(never)
    begun = await read(c, act.id)
    await audit.write_all(c, pressed(act, press, "approved", (act.state, begun.state)))
    return begun


async def stop(c: Connection, act_id: UUID, press: Press, kind: BulkKind | None = None) -> Act:
    """Let nothing more be done of an act; what was done stays. `Conflict` `final` when it has ended."""
    act = _there(await bulk.lock(c, act_id, kind), act_id)
    if act.state in (BulkState.DONE, BulkState.CANCELLED):
        raise Conflict("final", f"{act.kind} {act.id} is {act.state} already")
    await bulk.stop(c, act.id, press.at)
    stopped = await read(c, act.id)
    await audit.write_all(c, pressed(act, press, "cancelled", (act.state, stopped.state)))
    return stopped


def _there(act: Act | None, act_id: UUID) -> Act:
    if act is None:
        raise NotFound(f"no act {act_id}")
    return act
