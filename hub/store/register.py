"""Rows of the register: locked schools, live mandates, and the one statement that changes them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from hub.domain.mandate import Mandate, Unit
from hub.domain.school import School, SchoolBranch
from hub.domain.system import Contact, References, Service, System
from hub.store.audit import sealed
from hub.store.statements import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from hub.store.pool import Connection
    from schemas.identifiers import Branch, Brin, RoutingId, ServiceCode, SystemCode


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedRouting:
    """A routing characteristic in use, by which mandate, for which service and branch, from when until when."""

    mandate_id: UUID
    service_code: ServiceCode
    start_date: date
    end_date: date | None
    branch: Branch
    routing: RoutingId


class EventRow(NamedTuple):
    """An event as a row of its table; `units` and `body` are JSON."""

    brin: str
    number: int
    recorded_at: datetime
    id: UUID
    mandate_id: UUID
    mandate_version: int
    type: str
    units: str
    body: str
    traceparent: str | None


@dataclass(slots=True)
class RegisterRows:
    """The rows that one change of the register writes."""

    mandates: list[tuple[Mandate, str]] = field(default_factory=list)
    """Mandates with their units as JSON."""
    events: list[EventRow] = field(default_factory=list)
    routed: list[tuple[UUID, str, str]] = field(default_factory=list)
    """Mandate, branch, routing characteristic."""
    unrouted: list[tuple[UUID, str]] = field(default_factory=list)
    """Mandate, branch."""
    counters: dict[Brin, int] = field(default_factory=dict)
    audit: Mapping[str, list[Any]] = field(default_factory=lambda: sealed((), {}))
    """The columns of audit entries whose chains are locked."""

    def add(self, later: RegisterRows) -> None:
        """Add the rows of other mandates, that come after these."""
        self.mandates += later.mandates
        self.events += later.events
        self.routed += later.routed
        self.unrouted += later.unrouted
        self.counters |= later.counters


async def lock_schools(c: Connection, brins: Iterable[str]) -> dict[Brin, School]:
    """Lock schools in key order until the transaction ends; unknown ones are left out."""
    codes = sorted(set(brins))
    await queries.lock_schools(c, brins=codes)
    return await _schools(c, await queries.read_schools(c, brins=codes))


async def read_schools(c: Connection, brins: Iterable[str]) -> dict[Brin, School]:
    """Read schools without a lock; unknown ones are left out."""
    return await _schools(c, await queries.read_schools(c, brins=sorted(set(brins))))


async def _schools(c: Connection, rows: Sequence[Mapping[str, Any]]) -> dict[Brin, School]:
    branches: dict[Brin, list[SchoolBranch]] = defaultdict(list)
    for row in await queries.read_branches(c, brins=[row["brin"] for row in rows]):
        branches[row["brin"]].append(SchoolBranch(branch=row["branch"], name=row["name"], closed_on=row["closed_on"]))
    return {row["brin"]: School(**row, branches=tuple(branches[row["brin"]])) for row in rows}


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


async def systems(c: Connection) -> dict[SystemCode, System]:
    """Read all systems."""
    return {row["system_code"]: system_of(row) for row in await queries.read_systems(c)}


async def references(c: Connection) -> References:
    """Read all systems and services."""
    return References(systems=await systems(c), services={each.code: each for each in await services(c)})


async def services(c: Connection) -> list[Service]:
    """Read all services, in the order of their codes."""
    return [Service(**row) for row in await queries.read_services(c)]


async def lock_service(c: Connection, code: str) -> Service | None:
    """Keep others from changing a service until the transaction ends, and return it."""
    await queries.lock_service(c, code=code)
    return next((each for each in await services(c) if each.code == code), None)


async def add_service(c: Connection, service: Service) -> None:
    """Add a service and the destination of its queue; violates a unique key when there is one of that name."""
    await queries.insert_service(
        c, code=service.code, shown_as=service.shown_as, destination=service.destination, topic=service.topic
    )


async def rename_service(c: Connection, code: str, shown_as: str) -> None:
    """Show a service by another name; its version rises."""
    await queries.rename_service(c, code=code, shown_as=shown_as)


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
        codes=[row.code for row in rows],
        supplier_oins=[row.supplier_oin for row in rows],
        names=[row.name for row in rows],
        service_codes=[",".join(sorted(row.service_codes)) for row in rows],
        contact_names=[row.contact.name for row in rows],
        contact_emails=[row.contact.email for row in rows],
        contact_phones=[row.contact.phone for row in rows],
        contact_urls=[row.contact.url for row in rows],
    )


def merge_rows(parts: Sequence[RegisterRows]) -> RegisterRows:
    """Return the rows of changes of several schools as those of one."""
    if len(parts) == 1:
        return parts[0]
    return RegisterRows(
        mandates=[row for part in parts for row in part.mandates],
        events=[row for part in parts for row in part.events],
        routed=[row for part in parts for row in part.routed],
        unrouted=[row for part in parts for row in part.unrouted],
        counters={brin: counter for part in parts for brin, counter in part.counters.items()},
        audit={name: [value for part in parts for value in part.audit[name]] for name in parts[0].audit},
    )


async def write(c: Connection, rows: RegisterRows) -> None:
    """Write one change: mandates, routing, events, outbox and audit entries, counters; the schools are locked."""
    await queries.write_register(
        c,
        **mandate_columns(rows.mandates),
        **{f"event_{name}": column for name, column in event_columns(rows.events).items()},
        routed_ids=[mandate_id for mandate_id, _, _ in rows.routed],
        routed_branches=[branch for _, branch, _ in rows.routed],
        routing_ids=[routing for _, _, routing in rows.routed],
        unrouted_ids=[mandate_id for mandate_id, _ in rows.unrouted],
        unrouted_branches=[branch for _, branch in rows.unrouted],
        counted_brins=list(rows.counters),
        counters=list(rows.counters.values()),
        **{f"audit_{name}": column for name, column in rows.audit.items()},
    )


def mandate_columns(rows: Sequence[tuple[Mandate, str]]) -> dict[str, list[Any]]:
    """Return mandates with their units as JSON, as the columns of the table."""
    mandates = [mandate for mandate, _ in rows]
    return {
        "ids": [m.id for m in mandates],
        "brins": [m.brin for m in mandates],
        "service_codes": [m.service_code for m in mandates],
        "supplier_oins": [m.supplier_oin for m in mandates],
        "system_codes": [m.system_code for m in mandates],
        "start_dates": [m.start_date for m in mandates],
        "end_dates": [m.end_date for m in mandates],
        "versions": [m.version for m in mandates],
        "units": [units for _, units in rows],
        "next_dates": [m.next_date for m in mandates],
        "copied_from": [m.copied_from for m in mandates],
        "created_at": [m.created_at for m in mandates],
        "updated_at": [m.updated_at for m in mandates],
        "withdrawn_at": [m.withdrawn_at for m in mandates],
    }


def event_columns(rows: Sequence[EventRow]) -> dict[str, list[Any]]:
    """Return events as the columns of the table."""
    return {
        "brins": [row.brin for row in rows],
        "numbers": [row.number for row in rows],
        "recorded_ats": [row.recorded_at for row in rows],
        "ids": [row.id for row in rows],
        "mandates": [row.mandate_id for row in rows],
        "versions": [row.mandate_version for row in rows],
        "types": [row.type for row in rows],
        "units": [row.units for row in rows],
        "bodies": [row.body for row in rows],
        "traceparents": [row.traceparent for row in rows],
    }


def system_of(row: Mapping[str, Any]) -> System:
    """Build a system from a row."""
    return System(
        code=row["system_code"],
        supplier_oin=row["supplier_oin"],
        name=row["name"],
        service_codes=frozenset(row["service_codes"]),
        contact=Contact(
            name=row["contact_name"], email=row["contact_email"], phone=row["contact_phone"], url=row["contact_url"]
        ),
    )


def mandate_of(row: Mapping[str, Any]) -> Mandate:
    """Read a mandate from a row that has its units and routes as JSON."""
    return Mandate(
        id=row["id"],
        brin=row["brin"],
        service_code=row["service_code"],
        supplier_oin=row["supplier_oin"],
        system_code=row["system_code"],
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
    return units_of(orjson.loads(text))


def units_of(given: Iterable[Mapping[str, Any]]) -> tuple[Unit, ...]:
    """Build the units of a mandate from what their column holds."""
    return tuple(
        Unit(branch=unit["branch"], routing=unit["routing"], covers=tuple(unit["covers"]), told=unit["told"])
        for unit in given
    )
