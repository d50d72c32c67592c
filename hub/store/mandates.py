"""Read models of the register: mandates with the names that belong to them, schools, the published log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from hub.domain.kinds import Kind
from hub.store.published_events import log_row
from hub.store.register import mandate_of, system_of
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from hub.domain.mandate import Mandate
    from hub.domain.system import System
    from hub.envelopes import LogRow
    from hub.store.pool import Connection
    from schemas.identifiers import BgeCode, Brin, Oin, ServiceCode, SystemCode

SHORTEST_PART: Final = 3
"""The index on names holds parts of three characters."""
_SPECIAL_IN_PATTERNS: Final = re.compile(r"[\\%_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateScope:
    """The mandates that a caller may read: all, or those of these schools, boards, and suppliers."""

    everything: bool = False
    brins: Collection[Brin] = ()
    bges: Collection[BgeCode] = ()
    oins: Collection[Oin] = ()
    systems: Collection[str] | None = None
    """Only these systems of the suppliers; None is all of them."""

    def columns(self) -> dict[str, Any]:
        """Return the parameters of a statement."""
        return {
            "everything": self.everything,
            "brins": list(self.brins),
            "bges": list(self.bges),
            "oins": list(self.oins),
            "systems": None if self.systems is None else list(self.systems),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateView:
    """A mandate with the names of its school, board and system."""

    mandate: Mandate
    school_name: str
    bge_code: BgeCode
    system_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateFilter:
    """A filter of mandates; None selects all."""

    id: UUID | None = None
    brin: Brin | None = None
    service_code: ServiceCode | None = None
    supplier_oin: Oin | None = None
    system_code: SystemCode | None = None
    reference_date: date | None = None
    """Only what was or will be in force on this day."""
    after: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolFilter:
    """A filter of schools; None selects all."""

    brin: Brin | None = None
    bge_code: BgeCode | None = None
    name: str | None = None
    """A part of the name; one or two characters are the beginning of a word in it."""
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """An event of a mandate, with the mandate's whole state after it."""

    at: datetime
    kind: Kind
    version: int
    body: Mapping[str, Any]


async def mandate_views(c: Connection, filters: MandateFilter, scope: MandateScope, most: int) -> list[MandateView]:
    """Read mandates that may be seen, at most `most`, in the order of their ids."""
    rows = await queries.read_mandate_views(
        c,
        **scope.columns(),
        id=filters.id,
        brin=filters.brin,
        service_code=filters.service_code,
        supplier_oin=filters.supplier_oin,
        system_code=filters.system_code,
        reference_date=filters.reference_date,
        after=filters.after,
        most=most,
    )
    return [_view_of(row) for row in rows]


async def shown_mandates(c: Connection, brins: Collection[str], after: date) -> list[MandateView]:
    """Read the mandates of schools that are not over, or ended after a day."""
    return [_view_of(row) for row in await queries.read_shown_mandates(c, brins=list(brins), after=after)]


def _view_of(row: Mapping[str, Any]) -> MandateView:
    return MandateView(
        mandate=mandate_of(row),
        school_name=row["school_name"],
        bge_code=row["bge_code"],
        system_name=row["system_name"],
    )


async def mandate_view(c: Connection, mandate_id: UUID, scope: MandateScope) -> MandateView | None:
    """Read one mandate, if it is there and may be seen."""
    return next(iter(await mandate_views(c, MandateFilter(id=mandate_id), scope, 1)), None)


async def list_schools(c: Connection, filters: SchoolFilter, scope: MandateScope, most: int) -> list[Mapping[str, Any]]:
    """Read schools that may be seen: brin, name, bge_code, sector, closed_on.

    A search by name is planned for that name: many schools have it, or few, which the index finds.
    """
    if filters.name is None:
        return await _list_schools(c, filters, scope, most, (None, None))
    async with c.transaction():
        await queries.force_custom_plan(c)
        return await _list_schools(c, filters, scope, most, _name_patterns(filters.name))


async def _list_schools(
    c: Connection, filters: SchoolFilter, scope: MandateScope, most: int, patterns: tuple[str | None, str | None]
) -> list[Mapping[str, Any]]:
    found = await queries.list_schools(
        c,
        everything=scope.everything,
        brins=list(scope.brins),
        bges=list(scope.bges),
        brin=filters.brin,
        bge_code=filters.bge_code,
        pattern=patterns[0],
        other_pattern=patterns[1],
        after=filters.after,
        most=most,
    )
    return list(found)


def _name_patterns(name: str) -> tuple[str, str | None]:
    """Return the patterns of a part of a name; the index holds three characters, a space before a word among them."""
    text = _SPECIAL_IN_PATTERNS.sub(r"\\\g<0>", name.lower())
    if len(name) < SHORTEST_PART:
        return f"{text}%", f"% {text}%"
    return f"%{text}%", None


async def board(c: Connection, bge_code: str) -> Mapping[str, Any] | None:
    """Read a board: bge_code, name, osr_agreement, vva_agreement."""
    found: Mapping[str, Any] | None = await queries.read_board(c, bge_code=bge_code)
    return found


async def list_systems(c: Connection, after: str | None, most: int) -> list[System]:
    """Read systems in the order of their codes."""
    return [system_of(row) for row in await queries.list_systems(c, after=after, most=most)]


async def known_events(
    c: Connection, brin: Brin, service_code: ServiceCode, known_at: datetime
) -> list[Mapping[str, Any]]:
    """Read the events of a school's mandates for a service until a moment, in order: recorded_at, units, body."""
    found = await queries.read_known_events(c, brin=brin, service_code=service_code, known_at=known_at)
    return list(found)


async def events_of(c: Connection, mandate: Mandate, after: int) -> list[RecordedEvent]:
    """Read what happened to a mandate after one of its versions, in order."""
    rows = await queries.read_later_events(c, brin=mandate.brin, mandate_id=mandate.id, after=after)
    return [
        RecordedEvent(
            at=row["recorded_at"],
            kind=Kind(row["kind"]),
            version=row["mandate_version"],
            body=orjson.loads(row["body"]),
        )
        for row in rows
    ]


async def feed(
    c: Connection, window: tuple[int, int], kinds: Sequence[Kind], scope: MandateScope, most: int
) -> list[tuple[int, LogRow]]:
    """Read published events of a window (after, until) that may be seen, with their positions.

    Schools are seen by their own codes here: boards are to be written out before.
    """
    rows = await queries.list_published_events(
        c,
        after=window[0],
        until=window[1],
        kinds=[kind.value for kind in kinds],
        everything=scope.everything,
        brins=list(scope.brins),
        oins=list(scope.oins),
        systems=scope.columns()["systems"],
        most=most,
    )
    return [(row["position"], log_row(row)) for row in rows]


async def brins_of_boards(c: Connection, bges: Collection[BgeCode]) -> list[Brin]:
    """List the schools of boards."""
    return [row["brin"] for row in await queries.read_brins_of_boards(c, bges=list(bges))] if bges else []
