"""Use case: what an operator presses. In: a button, a reason, who presses. Out: it is done, and noted in the audit.

The caller owns the transaction, and rings `destinations`, `lanes` and `changes` when it is committed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hub import settle
from hub.errors import Conflict, FieldError, InvalidInput, NotFound
from hub.reading import Unusable, read_report
from hub.settle import UnknownDelivery
from hub.store import audit, operations
from hub.store.audit import Note, differing
from hub.store.operations import Gate

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime
    from uuid import UUID

    from hub.store.operations import Parked, ParkedState
    from hub.store.pool import Connection
    from hub.store.wake import Channel

    Sides = tuple[Mapping[str, Any], Mapping[str, Any]]

BELLS: Final[tuple[Channel, ...]] = ("destinations", "lanes", "changes")
LONGEST_REASON: Final = 1000
SAYS_NOTHING: Final = "it says nothing; say why, for whoever reads the audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """Who presses a button, when, and why."""

    actor: str
    at: datetime
    reason: str | None


async def hold(c: Connection, name: str, brins: Collection[str] | None, press: Press) -> None:
    """Let nothing go to a destination, or nothing of these schools; what is on its way still arrives.

    All of it means also the schools that come later, until they are released: one by one, or all.
    """
    destination = await _find(c, name)
    if brins is None:
        was = await operations.hold_destination(c, destination)
        await _note_gate(c, press, name, was, Gate(held=True))
    else:
        await _check_schools(c, brins)
        were = await operations.hold_lanes(c, destination, brins)
        await _note_schools(c, press, name, were, held=True)


async def release(c: Connection, name: str, brins: Collection[str] | None, press: Press) -> None:
    """Let these schools go to a destination, also while all others are held, or everything; in order."""
    destination = await _find(c, name)
    if brins is None:
        was = await operations.release_destination(c, destination)
        await operations.wake_lanes(c, destination)
        await _note_gate(c, press, name, was, Gate(held=False))
    else:
        await _check_schools(c, brins)
        were = await operations.release_lanes(c, destination, brins)
        await _note_schools(c, press, name, were, held=False)


async def cancel(c: Connection, delivery_id: UUID, press: Press) -> None:
    """Cancel a delivery that waits; its lane goes on without it."""
    gone = await settle.cancel(c, delivery_id, press.reason or "cancelled", press.at)
    sides = {"status": gone.before.value}, {"status": gone.after.value}
    await audit.write(c, _note(press, "delivery.cancelled", gone.brin, {"deliveryId": delivery_id}, sides))


async def retry(c: Connection, parked_id: int, press: Press) -> Parked:
    """Use a parked record after all; `Conflict` when it still cannot be used."""
    parked = await _open(c, parked_id)
    if parked.bytes is None and parked.reason != "unparsable":
        raise Conflict("bytes_gone", f"the bytes of parked record {parked_id} are not kept any more; discard it")
    if parked.reason == "unknown_school":
        raise Conflict(
            "unknown_school", f"{parked.detail}; as soon as it is there, what it rang for is planned by itself"
        )
    headers = [(name, text.encode()) for name, text in parked.headers]
    read = read_report(parked.bytes, headers, press.at)
    if isinstance(read, Unusable):
        raise Conflict("still_unusable", f"it still cannot be used: {read.detail}")
    answers = await settle.apply_reports(c, [read], press.at, 0)
    if isinstance(answers[0], UnknownDelivery):
        raise Conflict("unknown_delivery", "the delivery it speaks of is still not known; it is applied when it is")
    return await _close(c, parked, "retried", press)


async def discard(c: Connection, parked_id: int, press: Press) -> Parked:
    """Decide that a parked record is never used."""
    return await _close(c, await _open(c, parked_id), "discarded", press)


async def _open(c: Connection, parked_id: int) -> Parked:
    parked = await operations.lock_parked(c, parked_id)
    if parked is None:
        raise NotFound(f"no parked record {parked_id}")
    if parked.state != "open":
        raise Conflict("final", f"parked record {parked_id} was {parked.state} already")
    return parked


async def _close(c: Connection, parked: Parked, state: ParkedState, press: Press) -> Parked:
    await operations.mark_parked(c, parked.id, state)
    where = {"parkedId": parked.id, "topic": parked.topic, "partition": parked.partition, "offset": parked.offset}
    await audit.write(c, _note(press, f"parked.{state}", None, where, ({"state": parked.state}, {"state": state})))
    closed = await operations.lock_parked(c, parked.id)
    assert closed is not None  # noqa: S101 - its row is locked
    return closed


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


async def _note_gate(c: Connection, press: Press, name: str, was: Gate, is_now: Gate) -> None:
    sides = differing(_facts(was), _facts(is_now))
    await audit.write(c, _note(press, _action(held=is_now.held), None, {"destination": name}, sides))


async def _note_schools(c: Connection, press: Press, name: str, were: Mapping[str, bool], *, held: bool) -> None:
    subject, action = {"destination": name}, _action(held=held)
    sides = {brin: differing({"held": was}, {"held": held}) for brin, was in were.items()}
    await audit.write_all(c, [_note(press, action, brin, subject, each) for brin, each in sides.items()])


def _action(*, held: bool) -> str:
    return "destination.held" if held else "destination.released"


def _facts(gate: Gate) -> dict[str, Any]:
    chosen = list(gate.brins)
    return {
        "held": gate.held,
        "heldBrins": [] if gate.held else chosen,
        "releasedBrins": chosen if gate.held else [],
    }


def _note(press: Press, action: str, brin: str | None, subject: Mapping[str, Any], sides: Sides) -> Note:
    before, after = sides
    return Note(
        at=press.at,
        actor=press.actor,
        action=action,
        brin=brin,
        subject=subject,
        before=before,
        after=after,
        reason=press.reason,
    )
