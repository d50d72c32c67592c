"""Rows that operators change and read: holds, parked records, the audit."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import orjson

from hub.store import plans
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from hub.store.pool import Connection

LISTED_BYTES: Final = 8192
"""How much a list of parked records reads of each."""
ParkedState = Literal["open", "retried", "discarded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldState:
    """Whether a destination is held, and the schools that are released, or held, all the same."""

    held: bool
    brins: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A record that could not be used, with its bytes as long as they are kept."""

    id: int
    topic: str
    partition: int
    offset: int
    reason: str
    blame: str
    detail: str
    received_at: datetime
    written_at: datetime | None = None
    bytes: bytes | None = field(repr=False)
    state: ParkedState
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedScope:
    """The parked records that a caller may see: all, or those of one topic at which this side is at fault."""

    topic: str | None = None
    blame: str | None = None


ALL_PARKED: Final = ParkedScope()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """An entry of the audit, as it is read."""

    id: int
    at: datetime
    actor: str
    actor_name: str | None
    action: str
    brin: str | None
    subject: Mapping[str, Any]
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    reason: str | None
    number: int
    seal: bytes
    shown_name: str | None = None
    """What the actor is called, as their last login said."""


async def find_destination(c: Connection, name: str) -> int | None:
    """Find a destination by its name."""
    return cast("int | None", await queries.find_destination(c, name=name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Who holds a destination or a school there, why, and since when; an empty `brin` is the whole destination."""

    brin: str
    school: str
    actor: str | None
    actor_name: str | None
    reason: str | None
    since: datetime


async def list_holds_of_school(c: Connection, brin: str, destinations: Collection[int]) -> dict[int, Hold]:
    """Return who holds a school, by destination: its own hold, or that of the whole destination."""
    rows = await queries.list_holds_of_school(c, brin=brin, destinations=list(destinations))
    found: dict[int, Hold] = {}
    for row in map(dict, rows):
        found.setdefault(row.pop("destination"), Hold(**row))
    return found


async def list_holds(c: Connection, destination: int, most: int) -> list[Hold]:
    """List who holds a destination, then its schools that are held by themselves."""
    return [Hold(**row) for row in await queries.list_holds(c, destination=destination, most=most)]


async def note_holds(c: Connection, destination: int, brins: Collection[str], actor: str, reason: str | None) -> None:
    """Note who holds these schools, or the whole destination (''); `actor` is a pseudonym."""
    await queries.write_holds(c, destination=destination, brins=sorted(set(brins)), actor=actor, reason=reason)


async def hold_destination(c: Connection, destination: int) -> HoldState:
    """Hold a destination; return its state before. Takes the first locks of the transaction."""
    before = await _lock_gate(c, destination)
    await queries.delete_outdated_holds(c, destination=destination)
    await queries.set_destination_held(c, id=destination, held=True)
    await queries.hold_all_lanes(c, destination=destination)
    return before


async def release_destination(c: Connection, destination: int) -> tuple[HoldState, HoldState]:
    """Release a destination; return its state before and after. Takes the first locks of the transaction.

    Schools that are held by themselves stay held.
    """
    before = await _lock_gate(c, destination)
    await queries.set_destination_held(c, id=destination, held=False)
    await queries.release_all_lanes(c, destination=destination)
    await queries.delete_holds(c, destination=destination, brins=[""])
    return before, HoldState(**await queries.read_hold_state(c, id=destination))


async def hold_lanes(c: Connection, destination: int, brins: Collection[str]) -> dict[str, bool]:
    """Hold these schools there; return which were held. Takes the first locks of the transaction."""
    holds = await _read_holds(c, destination, brins)
    await queries.hold_lanes(c, destination=destination, brins=list(holds))
    return holds


async def release_lanes(c: Connection, destination: int, brins: Collection[str]) -> dict[str, bool]:
    """Release these schools there; return which were held. Takes the first locks of the transaction."""
    holds = await _read_holds(c, destination, brins)
    await queries.release_lanes(c, destination=destination, brins=list(holds))
    await queries.delete_holds(c, destination=destination, brins=list(holds))
    return holds


async def wake_lanes(c: Connection, destination: int) -> None:
    """Make all waiting lanes of a destination due."""
    await queries.make_lanes_due(c, destinations=[destination])


async def unknown_schools(c: Connection, brins: Collection[str]) -> set[str]:
    """Return which of these schools do not exist."""
    return {row["brin"] for row in await queries.find_unknown_schools(c, brins=list(brins))}


async def list_parked(
    c: Connection,
    *,
    after: int,
    state: ParkedState | None,
    reason: str | None,
    most: int,
    scope: ParkedScope = ALL_PARKED,
) -> list[Parked]:
    """List parked records in scope behind an id, oldest first, each with the beginning of its bytes."""
    rows = await queries.list_parked(
        c, after=after, state=state, reason=reason, topic=scope.topic, blame=scope.blame, most=most, length=LISTED_BYTES
    )
    return [Parked(**row) for row in rows]


async def find_parked(c: Connection, parked_id: int, scope: ParkedScope) -> Parked | None:
    """Find a parked record in scope, with all its bytes."""
    row = await queries.find_parked(c, id=parked_id, topic=scope.topic, blame=scope.blame)
    return None if row is None else Parked(**row)


async def lock_parked(c: Connection, parked_id: int) -> Parked | None:
    """Read a parked record and lock it."""
    row = await queries.lock_parked(c, id=parked_id)
    if row is None:
        return None
    return Parked(**{**row, "headers": tuple((name, text) for name, text in orjson.loads(row["headers"]))})


async def mark_parked(c: Connection, parked_id: int, state: ParkedState) -> None:
    """Mark a parked record as retried or discarded."""
    await queries.mark_parked(c, id=parked_id, state=state)


async def recent_acts(c: Connection, kinds: Sequence[str], most: int) -> list[AuditRecord]:
    """List the newest audit entries of these kinds of subject, such as `destination`, among the last thousand."""
    return audit_records(await queries.list_recent_acts(c, kinds=list(kinds), most=most))


def audit_records(rows: Sequence[Mapping[str, Any]]) -> list[AuditRecord]:
    """Return entries of the audit from their rows."""
    return [
        AuditRecord(**{**row, **{name: _read_json(row[name]) for name in ("subject", "before", "after")}})
        for row in rows
    ]


async def _lock_gate(c: Connection, destination: int) -> HoldState:
    await plans.lock_gate_exclusive(c)
    return HoldState(**await queries.read_hold_state(c, id=destination))


async def _read_holds(c: Connection, destination: int, brins: Collection[str]) -> dict[str, bool]:
    await plans.lock_gate_shared(c)
    rows = await queries.lock_holds(c, destination=destination, brins=sorted(set(brins)))
    return {row["brin"]: row["held"] for row in sorted(rows, key=itemgetter("brin"))}


def _read_json(text: str | None) -> Any:  # noqa: ANN401 - what was noted
    return None if text is None else orjson.loads(text)
