"""The way back from an event to what the register held after it: `hub.domain.change`, read from its result.

In: a mandate before, and an event as others read it. Out: the mandate after it, and the message about each unit. The
event carries the whole state; whether the rest had a message, and the units before, lead to the messages by one rule.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.domain.coverage import Coverage, update_coverage
from hub.domain.mandate import OVER, REST, Mandate, Unit, next_date_in
from schemas.identifiers import UNNAMED
from schemas.kinds import MandateState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date, datetime
    from uuid import UUID

    from hub.domain.coverage import UnitChange
    from hub.domain.kinds import Kind
    from schemas.identifiers import Branch, Brin, Oin, RoutingId, ServiceCode, SystemCode


class UnusableEvent(ValueError):  # noqa: N818 - named as the claim it makes
    """Return in words what an event lacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedChange:
    """An event as the published log tells it."""

    id: UUID
    kind: Kind
    recorded_at: datetime
    mandate_id: UUID
    mandate_version: int
    state: MandateState
    brin: Brin
    service_code: ServiceCode
    supplier_oin: Oin
    start_date: date
    end_date: date | None
    branches: tuple[tuple[Branch, RoutingId | None], ...]
    copied_from: UUID | None
    rest_told: bool | None
    system_code: SystemCode = UNNAMED


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateAfterEvent:
    """A mandate after an event, and what the event told of it."""

    mandate: Mandate
    messages: tuple[UnitChange, ...]


def state_after(before: Mandate | None, event: LoggedChange, closed: Collection[Branch]) -> MandateAfterEvent:
    """Recall a mandate as it was after an event; `before` is None for its first one.

    An event lists the open branches only: routing of `closed` ones stays as it was. Raises `UnusableEvent`.
    """
    version = 0 if before is None else before.version
    if event.mandate_version != version + 1:
        msg = f"it is version {event.mandate_version} of mandate {event.mandate_id}, of which {version} is known"
        raise UnusableEvent(msg)
    known = before or _first(event)
    telling = update_coverage(known.units, _coverage(known, event), event.kind)
    after = replace(
        known,
        start_date=event.start_date,
        end_date=event.end_date,
        version=event.mandate_version,
        routes=_routes(known.routes, event, closed),
        units=telling.units,
        next_date=next_date_in(event.state, event.start_date, event.end_date),
        updated_at=event.recorded_at,
        withdrawn_at=(known.withdrawn_at or event.recorded_at) if event.state is MandateState.WITHDRAWN else None,
    )
    return MandateAfterEvent(mandate=after, messages=telling.messages)


def _first(event: LoggedChange) -> Mandate:
    return Mandate(
        id=event.mandate_id,
        brin=event.brin,
        service_code=event.service_code,
        supplier_oin=event.supplier_oin,
        system_code=event.system_code,
        start_date=event.start_date,
        end_date=event.end_date,
        created_at=event.recorded_at,
        updated_at=event.recorded_at,
        copied_from=event.copied_from,
    )


def _coverage(before: Mandate, event: LoggedChange) -> Coverage | None:
    if event.state in OVER:
        return None
    routed = tuple(Unit(branch=b, routing=routing, covers=(b,)) for b, routing in event.branches if routing is not None)
    rest = tuple(branch for branch, routing in event.branches if routing is None)
    if not rest:
        return Coverage(units=routed, ambiguous=False)
    if event.rest_told is None and not any(unit.told for unit in before.units if unit.branch == REST):
        msg = "an older version of the hub wrote it, which did not say whether the rest of the school was told"
        raise UnusableEvent(msg)
    return Coverage(units=(*routed, Unit(branch=REST, routing=None, covers=rest)), ambiguous=event.rest_told is False)


def _routes(
    before: Mapping[Branch, RoutingId], event: LoggedChange, closed: Collection[Branch]
) -> dict[Branch, RoutingId]:
    routes = {branch: routing for branch, routing in before.items() if branch in closed}
    if event.state in OVER:
        routes = dict(before)
    return routes | {branch: routing for branch, routing in event.branches if routing is not None}
