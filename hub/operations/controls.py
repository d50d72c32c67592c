"""Use cases of operators. In: a destination, delivery or parked record, the actor. Out: the change and its audit entry.

The caller owns the transaction, and notifies `destinations`, `lanes` and `changes` when it is committed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hub import settle
from hub.domain.bulk import BulkKind, SingleKind
from hub.errors import Conflict, FieldError, InvalidInput, NotFound
from hub.operations.alone import count_alone
from hub.operations.audit import entry_by
from hub.settle import UnknownDelivery
from hub.settle.records import UnusableRecord, read_report
from hub.store import audit, operations, people
from hub.store.audit import changed_fields
from hub.store.operations import HoldState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from uuid import UUID

    from hub.access import Actor
    from hub.store.notifications import Channel
    from hub.store.operations import Parked, ParkedState
    from hub.store.pool import Connection

NOTIFIED_CHANNELS: Final[tuple[Channel, ...]] = ("destinations", "lanes", "changes")
MAX_REASON_LENGTH: Final = 1000
EMPTY_REASON: Final = "it says nothing; give a reason that readers of the audit understand"


async def hold(c: Connection, name: str, brins: Collection[str] | None, actor: Actor) -> None:
    """Hold a destination, or these schools there; what is in flight still arrives.

    A hold of the whole destination includes schools that come later, until they are released.
    """
    destination = await _find(c, name)
    if brins is None:
        before = await operations.hold_destination(c, destination)
        await _note_holds(c, destination, [""], actor)
        await _audit_destination(c, actor, name, before, HoldState(held=True))
    else:
        await _check_schools(c, brins)
        holds = await operations.hold_lanes(c, destination, brins)
        await _note_holds(c, destination, brins, actor)
        await _audit_schools(c, actor, name, holds, held=True)


async def release(c: Connection, name: str, brins: Collection[str] | None, actor: Actor) -> None:
    """Release a destination, or these schools also while all others are held; lanes go on in order.

    Schools that were held by themselves stay held when their destination is released.
    """
    destination = await _find(c, name)
    if brins is None:
        before, after = await operations.release_destination(c, destination)
        await operations.wake_lanes(c, destination)
        await _audit_destination(c, actor, name, before, after)
    else:
        await _check_schools(c, brins)
        holds = await operations.release_lanes(c, destination, brins)
        await _audit_schools(c, actor, name, holds, held=False)


async def cancel(c: Connection, delivery_id: UUID, actor: Actor, four_eyes_above: int) -> None:
    """Cancel a waiting delivery; its lane goes on without it.

    Raises `Conflict` `needs_approval` for more than one person may cancel alone; so do `retry` and `discard` of theirs.
    """
    gone = await settle.cancel(c, delivery_id, actor.reason, actor.at)
    await count_alone(c, BulkKind.CANCELLATION, actor, four_eyes_above)
    change = {"status": gone.before.value}, {"status": gone.after.value}
    await audit.write(c, entry_by(actor, "delivery.cancelled", {"deliveryId": delivery_id}, change, gone.brin))


async def retry(c: Connection, parked_id: int, actor: Actor, four_eyes_above: int) -> Parked:
    """Apply a parked record; raise `Conflict` when it is still unusable."""
    parked = await _open(c, parked_id)
    if parked.bytes is None and parked.reason != "unparsable":
        raise Conflict("bytes_gone", f"the bytes of parked record {parked_id} are not kept any more; discard it")
    if parked.reason == "unknown_school":
        raise Conflict("unknown_school", f"{parked.detail}; its events are planned as soon as it is imported")
    headers = [(name, text.encode()) for name, text in parked.headers]
    read = read_report(parked.bytes, headers, actor.at)
    if isinstance(read, UnusableRecord):
        raise Conflict("still_unusable", f"it still cannot be used: {read.detail}")
    answers = await settle.apply_reports(c, [read], actor.at, 0)
    if isinstance(answers[0], UnknownDelivery):
        raise Conflict("unknown_delivery", "its delivery is still unknown; the report is applied when that appears")
    await count_alone(c, SingleKind.RETRY, actor, four_eyes_above)
    return await _close(c, parked, "retried", actor)


async def discard(c: Connection, parked_id: int, actor: Actor, four_eyes_above: int) -> Parked:
    """Discard a parked record for good."""
    parked = await _open(c, parked_id)
    await count_alone(c, SingleKind.DISCARD, actor, four_eyes_above)
    return await _close(c, parked, "discarded", actor)


async def _open(c: Connection, parked_id: int) -> Parked:
    parked = await operations.lock_parked(c, parked_id)
    if parked is None:
        raise NotFound(f"no parked record {parked_id}")
    if parked.state != "open":
        raise Conflict("final", f"parked record {parked_id} was {parked.state} already")
    return parked


async def _close(c: Connection, parked: Parked, state: ParkedState, actor: Actor) -> Parked:
    await operations.mark_parked(c, parked.id, state)
    where = {"parkedId": parked.id, "topic": parked.topic, "partition": parked.partition, "offset": parked.offset}
    change = {"state": parked.state}, {"state": state}
    await audit.write(c, entry_by(actor, f"parked.{state}", where, change))
    closed = await operations.lock_parked(c, parked.id)
    assert closed is not None  # noqa: S101 - its row is locked
    return closed


async def _note_holds(c: Connection, destination: int, brins: Collection[str], actor: Actor) -> None:
    person = await people.pseudonym(c, actor.subject, actor.at)
    await operations.note_holds(c, destination, brins, person, actor.reason)


async def _find(c: Connection, name: str) -> int:
    destination = await operations.find_destination(c, name)
    if destination is None:
        raise NotFound(f"no destination {name}")
    return destination


async def _check_schools(c: Connection, brins: Collection[str]) -> None:
    unknown = await operations.unknown_schools(c, brins)
    if unknown:
        raise InvalidInput(
            [
                FieldError(field=f"/brins/{nth}", code="unknown_school", detail=f"school {brin} is not in the register")
                for nth, brin in enumerate(brins)
                if brin in unknown
            ]
        )


async def _audit_destination(c: Connection, actor: Actor, name: str, before: HoldState, after: HoldState) -> None:
    change = changed_fields(_facts(before), _facts(after))
    await audit.write(c, entry_by(actor, _action(held=after.held), {"destination": name}, change))


async def _audit_schools(c: Connection, actor: Actor, name: str, holds: Mapping[str, bool], *, held: bool) -> None:
    subject, action = {"destination": name}, _action(held=held)
    change = {brin: changed_fields({"held": before}, {"held": held}) for brin, before in holds.items()}
    await audit.write_all(c, [entry_by(actor, action, subject, each, brin) for brin, each in change.items()])


def _action(*, held: bool) -> str:
    return "destination.held" if held else "destination.released"


def _facts(gate: HoldState) -> dict[str, Any]:
    chosen = list(gate.brins)
    return {
        "held": gate.held,
        "heldBrins": [] if gate.held else chosen,
        "releasedBrins": chosen if gate.held else [],
    }
