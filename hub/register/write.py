"""Write changes. In: events of locked schools. Out: mandates, numbered events, the outbox. Next: producers.relay."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import orjson

from hub import clock
from hub.domain.ids import new_ids
from hub.domain.mandate import OVER, REST
from hub.register.audit import date_entries
from hub.store import audit, register
from hub.store.register import EventRow, RegisterRows
from hub.telemetry.spans import inner_span
from schemas.identifiers import school_oin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from hub.domain.change import NewEvent
    from hub.domain.coverage import UnitChange
    from hub.domain.mandate import Mandate, Unit
    from hub.domain.school import School
    from hub.store.audit import AuditEntry, Head
    from hub.store.pool import Connection
    from schemas.identifiers import Brin, SystemCode


SPAN: Final = "register"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A moment in whole milliseconds, the day it is in Amsterdam, and the trace that the change belongs to."""

    now: datetime
    today: date
    traceparent: str | None = None


def moment(now: datetime, traceparent: str | None = None) -> Moment:
    """Make a moment of an aware time; what is below the millisecond is cut off, as it is in an event's time and id."""
    return Moment(
        now=now.replace(microsecond=now.microsecond // 1000 * 1000), today=clock.today(now), traceparent=traceparent
    )


@dataclass(slots=True)
class Routing:
    """Routing characteristics that a change assigns and takes away."""

    assigned: list[tuple[UUID, str, str]] = field(default_factory=list)
    """Mandate, branch, routing characteristic."""
    removed: list[tuple[UUID, str]] = field(default_factory=list)
    """Mandate, branch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteContext:
    """The locked schools, the names of systems, the moment, and the numbers given out so far."""

    schools: Mapping[Brin, School]
    names: Mapping[SystemCode, str]
    at: Moment
    counters: dict[Brin, int] = field(default_factory=dict)
    heads: Mapping[str, Head] = field(default_factory=dict)
    """The heads of audit chains, where they are locked already."""


async def write_events(
    c: Connection,
    context: WriteContext,
    new_events: Sequence[NewEvent],
    routing: Routing | None = None,
    entries: Sequence[AuditEntry] = (),
) -> None:
    """Write events of locked schools in this order, their mandates, and audit entries, those of dates that came first.

    Where the heads of the audit chains are locked, all of it is one statement.
    """
    if not new_events:
        return
    with inner_span(SPAN, events=len(new_events), brin=new_events[0].mandate.brin):
        listed = [*date_entries(new_events, context.at.now), *entries]
        if all(entry.chain in context.heads for entry in listed):
            await register.write(c, to_sealed_rows(context, new_events, routing or Routing(), entries))
        else:
            await register.write(c, to_rows(context, new_events, routing or Routing()))
            await audit.write_all(c, listed)


def to_sealed_rows(
    context: WriteContext, new_events: Sequence[NewEvent], routing: Routing, entries: Sequence[AuditEntry]
) -> RegisterRows:
    """Turn events and audit entries into rows, those of dates that came first; the heads of the chains are locked."""
    rows = to_rows(context, new_events, routing)
    rows.audit = audit.sealed([*date_entries(new_events, context.at.now), *entries], context.heads)
    return rows


def to_rows(context: WriteContext, new_events: Sequence[NewEvent], routing: Routing) -> RegisterRows:
    """Turn events into rows, each with its school's next number."""
    rows = RegisterRows(routed=routing.assigned, unrouted=routing.removed)
    last: dict[UUID, Mandate] = {}
    for event, event_id in zip(new_events, new_ids(context.at.now, len(new_events)), strict=True):
        mandate = event.mandate
        school = context.schools[mandate.brin]
        number = context.counters.get(mandate.brin, school.counter) + 1
        rows.counters[mandate.brin] = context.counters[mandate.brin] = number
        last[mandate.id] = mandate
        rows.events.append(_event_row(context, event, event_id, number, school.bge_code))
    rows.mandates = [(mandate, units_json(mandate.units)) for mandate in last.values()]
    return rows


def _event_row(context: WriteContext, event: NewEvent, event_id: UUID, number: int, bge_code: str) -> EventRow:
    mandate = event.mandate
    return EventRow(
        brin=mandate.brin,
        number=number,
        recorded_at=context.at.now,
        id=event_id,
        mandate_id=mandate.id,
        mandate_version=mandate.version,
        type=event.kind.value,
        units=unit_messages_json(event.messages),
        body=event_body(event, bge_code, context.names[mandate.system_code]),
        traceparent=context.at.traceparent,
    )


def units_json(units: Iterable[Unit]) -> str:
    """Write the units of a mandate as the JSON of their column."""
    return orjson.dumps(
        [{"branch": u.branch, "routing": u.routing, "covers": u.covers, "told": u.told} for u in units]
    ).decode()


def unit_messages_json(messages: Iterable[UnitChange]) -> str:
    """Write the unit messages of an event as the JSON of their column."""
    return orjson.dumps(
        [
            {"branch": m.unit.branch, "type": m.kind.value, "routing": m.unit.routing, "covers": m.unit.covers}
            for m in messages
        ]
    ).decode()


def _rest_told(event: NewEvent) -> dict[str, bool]:
    """Return whether the rest was sent, for a live mandate that has one: the state does not show it."""
    last = event.mandate.units[-1] if event.mandate.units else None
    return {"restTold": last.told} if last is not None and last.branch == REST and event.state not in OVER else {}


def event_body(event: NewEvent, bge_code: str, system_name: str) -> str:
    """Write the data of an event as JSON."""
    mandate = event.mandate
    return orjson.dumps(
        {
            "mandateId": mandate.id,
            "mandateVersion": mandate.version,
            "state": event.state.value,
            "changes": [change.value for change in event.changes],
            "brin": mandate.brin,
            "schoolOin": school_oin(mandate.brin),
            "bgeCode": bge_code,
            "serviceCode": mandate.service_code,
            "supplierOin": mandate.supplier_oin,
            "systemCode": mandate.system_code,
            "systemName": system_name,
            "startDate": mandate.start_date,
            "endDate": mandate.end_date,
            "branches": [{"branch": branch, "routingId": routing} for branch, routing in event.covered_branches],
            "copiedFrom": mandate.copied_from,
            **_rest_told(event),
        },
        default=str,  # an id that was read from the database is of the driver's own kind
    ).decode()
