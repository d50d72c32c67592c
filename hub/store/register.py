"""Rows of the register: locked schools, live mandates, and the one statement that changes them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import orjson

from hub.domain.mandate import Mandate, Unit
from hub.domain.school import School, SchoolBranch
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from hub.store.pool import Connection
    from schemas.identifiers import Branch, Brin, Oin, RoutingId, ServiceCode


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """An administration system: who supplies it, what it is called, which services it offers."""

    supplier_oin: Oin
    name: str
    service_codes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """All systems and services, to which requests refer."""

    systems: Mapping[Oin, System]
    services: frozenset[str]

    @property
    def names(self) -> dict[Oin, str]:
        """What each system is called."""
        return {oin: system.name for oin, system in self.systems.items()}

    def offered(self, supplier_oin: Oin) -> frozenset[str] | None:
        """List the services that a system offers; None when it is unknown."""
        system = self.systems.get(supplier_oin)
        return None if system is None else system.service_codes


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedRouting:
    """A routing characteristic in use, by which mandate, for which service and branch, from when until when."""

    mandate_id: UUID
    service_code: ServiceCode
    start_date: date
    end_date: date | None
    branch: Branch
    routing: RoutingId


@dataclass(slots=True)
class RegisterRows:
    """What one change writes, as the columns of `write_register`."""

    mandates: list[tuple[Any, ...]] = field(default_factory=list)
    """id, brin, service, supplier, start, end, version, units, next date, copied from, created, withdrawn."""
    events: list[tuple[Any, ...]] = field(default_factory=list)
    """brin, number, id, mandate, mandate version, type, units, body."""
    routed: list[tuple[UUID, str, str]] = field(default_factory=list)
    unrouted: list[tuple[UUID, str]] = field(default_factory=list)
    counters: dict[Brin, int] = field(default_factory=dict)


async def lock_schools(c: Connection, brins: Iterable[str]) -> dict[Brin, School]:
    """Lock schools in key order until the transaction ends; unknown ones are left out."""
    codes = sorted(set(brins))
    await queries.lock_schools(c, brins=codes)
    return await _schools(c, await queries.read_schools(c, brins=codes))


async def read_schools(c: Connection, brins: Iterable[str]) -> dict[Brin, School]:
    """Read schools without a lock; unknown ones are left out."""
    return await _schools(c, await queries.read_schools(c, brins=sorted(set(brins))))


async def _schools(c: Connection, rows: Sequence[Mapping[str, Any]]) -> dict[Brin, School]:
    places: dict[Brin, list[SchoolBranch]] = defaultdict(list)
    for row in await queries.read_branches(c, brins=[row["brin"] for row in rows]):
        places[row["brin"]].append(SchoolBranch(branch=row["branch"], name=row["name"], closed_on=row["closed_on"]))
    return {row["brin"]: School(**row, branches=tuple(places[row["brin"]])) for row in rows}


async def living_mandates(
    c: Connection, brins: Iterable[str], today: date, service_code: str | None = None
) -> list[Mandate]:
    """Read the mandates of schools that are live, or whose end has no event yet, by school and service."""
    rows = await queries.read_living_mandates(c, brins=list(brins), today=today, service_code=service_code)
    return [mandate_of(row) for row in rows]


async def due_schools(c: Connection, today: date, most: int) -> list[tuple[Brin, int]]:
    """List schools with mandates whose next date has come, and how many, in key order."""
    return [(row["brin"], row["n"]) for row in await queries.read_due_schools(c, today=today, most=most)]


async def find_mandate(c: Connection, mandate_id: UUID) -> Mandate | None:
    """Read one mandate, whatever its state."""
    row = await queries.read_mandate(c, id=mandate_id)
    return None if row is None else mandate_of(row)


async def systems(c: Connection) -> dict[Oin, System]:
    """Read all systems."""
    return {
        row["supplier_oin"]: System(
            supplier_oin=row["supplier_oin"], name=row["name"], service_codes=frozenset(row["service_codes"])
        )
        for row in await queries.read_systems(c)
    }


async def references(c: Connection) -> References:
    """Read all systems and services."""
    rows = await queries.read_services(c)
    return References(systems=await systems(c), services=frozenset(row["code"] for row in rows))


async def services(c: Connection) -> list[dict[str, Any]]:
    """Read all services: code, shown_as, destination, topic."""
    return [dict(row) for row in await queries.read_services(c)]


async def used_routing(c: Connection, brin: str, today: date) -> list[UsedRouting]:
    """Read the routing characteristics that living mandates of a school use, over all services."""
    return [
        UsedRouting(
            mandate_id=row["id"],
            service_code=row["service_code"],
            start_date=row["start_date"],
            end_date=row["end_date"],
            branch=row["branch"],
            routing=row["routing_id"],
        )
        for row in await queries.read_used_routing(c, brin=brin, today=today)
    ]


async def write_systems(c: Connection, rows: Sequence[System]) -> None:
    """Register systems, and the destinations that come with them."""
    await queries.write_system(
        c,
        supplier_oins=[row.supplier_oin for row in rows],
        names=[row.name for row in rows],
        service_codes=[",".join(sorted(row.service_codes)) for row in rows],
    )


async def write(c: Connection, columns: RegisterRows, *, now: datetime, traceparent: str | None) -> None:
    """Write one change: mandates, routing, events, outbox entries and counters; the schools are locked."""
    mandates = _columns(columns.mandates, 12)
    events = _columns(columns.events, 8)
    routed = _columns(columns.routed, 3)
    unrouted = _columns(columns.unrouted, 2)
    await queries.write_register(
        c,
        now=now,
        traceparent=traceparent,
        **dict(zip(_MANDATE_COLUMNS, mandates, strict=True)),
        **dict(zip(_EVENT_COLUMNS, events, strict=True)),
        **dict(zip(("routed_ids", "routed_branches", "routing_ids"), routed, strict=True)),
        **dict(zip(("unrouted_ids", "unrouted_branches"), unrouted, strict=True)),
        counted_brins=list(columns.counters),
        counters=list(columns.counters.values()),
    )


_MANDATE_COLUMNS = (
    "ids", "brins", "service_codes", "supplier_oins", "start_dates", "end_dates", "versions", "units", "next_dates",
    "copied_from", "created_at", "withdrawn_at",
)  # fmt: skip
_EVENT_COLUMNS = (
    "event_brins", "event_numbers", "event_ids", "event_mandates", "event_versions", "event_types", "event_units",
    "event_bodies",
)  # fmt: skip


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


def mandate_of(row: Mapping[str, Any]) -> Mandate:
    """Read a mandate from a row that has its units and routes as JSON."""
    return Mandate(
        id=row["id"],
        brin=row["brin"],
        service_code=row["service_code"],
        supplier_oin=row["supplier_oin"],
        start_date=row["start_date"],
        end_date=row["end_date"],
        version=row["version"],
        units=read_units(row["units"]),
        routes=orjson.loads(row["routes"]) if row["routes"] else {},
        next_date=row["next_date"],
        copied_from=row["copied_from"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        withdrawn_at=row["withdrawn_at"],
    )


def read_units(text: str) -> tuple[Unit, ...]:
    """Read the units of a mandate from the JSON of their column."""
    return tuple(
        Unit(branch=unit["branch"], routing=unit["routing"], covers=tuple(unit["covers"]), told=unit["told"])
        for unit in cast("list[dict[str, Any]]", orjson.loads(text))
    )
