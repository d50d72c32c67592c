"""How a branch was reached on a day, as its school's events told it. In: events, in order. Out: one answer per mandate.

A day is answered by the newest events until its end, with the dates between them and the day arrived; a mandate that
was recorded later, for days that had passed, by its first event. So an answer about a day that is over changes only by
what is recorded afterwards about that day.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from hub.domain.change import apply_dates
from hub.domain.mandate import REST, Mandate, Unit, next_date, state
from schemas.kinds import MandateState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from schemas.identifiers import Branch, RoutingId

CoverageKind = Literal["branch", "school", "needs_routing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEvent:
    """An event: when it was recorded, the state that it told, and whether the mandate's system was told of the rest."""

    recorded_at: datetime
    recorded_on: date
    body: Mapping[str, Any]
    rest_was_told: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachingMandate:
    """A mandate by which a branch is reached; `body` is that of the event which says so."""

    body: Mapping[str, Any]
    coverage: CoverageKind
    routing: RoutingId | None


def mandates_for_branch(events: Sequence[KnownEvent], branch: str, day: date) -> list[ReachingMandate]:
    """Return how a branch of a school is reached on a day; `events` are all known ones of the school and service."""
    seen: dict[str, KnownEvent] = {}
    late: dict[str, KnownEvent] = {}
    for event in events:
        mandate_id = event.body["mandateId"]
        if event.recorded_on <= day:
            seen[mandate_id] = event
        elif mandate_id not in seen:
            late.setdefault(mandate_id, event)
    told = {UUID(mandate_id): event for mandate_id, event in (*seen.items(), *late.items())}
    mandates = [*_on_day(list(seen.values()), day), *map(_mandate, late.values())]
    in_force = (mandate for mandate in mandates if _is_in_force(mandate, day))
    return [found for mandate in in_force for found in _matches(mandate, told[mandate.id], branch)]


def _on_day(events: Sequence[KnownEvent], day: date) -> list[Mandate]:
    """Let the dates until a day arrive. The branches that mandates cover together are all that the school has."""
    if not events:
        return []
    branches = sorted({each["branch"] for event in events for each in event.body["branches"] if _is_living(event)})
    return apply_dates([_mandate(event) for event in events], branches, now=events[-1].recorded_at, today=day)[0]


def _matches(mandate: Mandate, event: KnownEvent, branch: str) -> Iterator[ReachingMandate]:
    for unit in mandate.units:
        if branch in unit.covers:
            coverage: CoverageKind = "branch" if unit.branch != REST else "school" if unit.told else "needs_routing"
            yield ReachingMandate(body=event.body, coverage=coverage, routing=unit.routing)


def _is_living(event: KnownEvent) -> bool:
    return event.body["state"] in (MandateState.ACTIVE, MandateState.FUTURE)


def _is_in_force(mandate: Mandate, day: date) -> bool:
    return state(mandate, day) is MandateState.ACTIVE


def _mandate(event: KnownEvent) -> Mandate:
    body = event.body
    routes: dict[Branch, RoutingId] = {b["branch"]: b["routingId"] for b in body["branches"] if b["routingId"]}
    mandate = Mandate(
        id=UUID(body["mandateId"]),
        brin=body["brin"],
        service_code=body["serviceCode"],
        supplier_oin=body["supplierOin"],
        system_code=body.get("systemCode") or body["supplierOin"],
        start_date=date.fromisoformat(body["startDate"]),
        end_date=date.fromisoformat(body["endDate"]) if body["endDate"] else None,
        version=body["mandateVersion"],
        routes=routes,
        units=tuple(_units(event, routes)),
        created_at=event.recorded_at,
        updated_at=event.recorded_at,
        withdrawn_at=event.recorded_at if body["state"] == MandateState.WITHDRAWN else None,
    )
    return replace(mandate, next_date=next_date(mandate, event.recorded_on))


def _units(event: KnownEvent, routes: Mapping[Branch, RoutingId]) -> Iterator[Unit]:
    for branch, routing in routes.items():
        yield Unit(branch=branch, routing=routing, covers=(branch,), told=True)
    rest = tuple(each["branch"] for each in event.body["branches"] if not each["routingId"])
    if rest:
        yield Unit(branch=REST, routing=None, covers=rest, told=event.rest_was_told)
