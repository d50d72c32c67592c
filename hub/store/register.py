"""Rows of the register: locked schools, live mandates, and the one statement that changes them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from hub.domain.mandate import Mandate, Unit
from hub.domain.school import School, SchoolBranch
from hub.domain.system import Contact, References, Service, System
from hub.store.audit import sealed
from hub.store.json_rows import as_is, json_of
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
    audit: Mapping[str, list[dict[str, Any]]] = field(default_factory=lambda: sealed((), {}))
    """The rows of audit entries whose chains are locked, and of the heads that they move."""

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
        mandates=json_of([mandate_row(mandate, units) for mandate, units in rows.mandates]),
        events=json_of([event_row(event) for event in rows.events]),
        routed=json_of([dict(zip(_ROUTED, row, strict=True)) for row in rows.routed]),
        unrouted=json_of([dict(zip(_UNROUTED, row, strict=True)) for row in rows.unrouted]),
        counters=json_of([{"brin": brin, "counter": counter} for brin, counter in rows.counters.items()]),
        **{name: json_of(of_audit) for name, of_audit in rows.audit.items()},
    )


def event_row(event: EventRow) -> dict[str, Any]:
    """Return an event as a row of its table, as JSON has it."""
    return {**event._asdict(), "units": as_is(event.units), "body": as_is(event.body)}


def mandate_row(mandate: Mandate, units: str) -> dict[str, Any]:
    """Return a mandate with its units as a row of its table, as JSON has it."""
    return {
        "id": mandate.id,
        "brin": mandate.brin,
        "service_code": mandate.service_code,
        "supplier_oin": mandate.supplier_oin,
        "system_code": mandate.system_code,
        "start_date": mandate.start_date,
        "end_date": mandate.end_date,
        "version": mandate.version,
        "units": as_is(units),
        "next_date": mandate.next_date,
        "copied_from": mandate.copied_from,
        "created_at": mandate.created_at,
        "updated_at": mandate.updated_at,
        "withdrawn_at": mandate.withdrawn_at,
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


_ROUTED: Final = ("mandate_id", "branch", "routing_id")
_UNROUTED: Final = ("mandate_id", "branch")
