"""The status of schools. In: their mandates, events and deliveries. Out: per branch a cell for each mandate.

A cell shows the newest message about the branch's unit: whether it was delivered and processed, and how long each hop
took. A branch without messages, because another system may claim it too, needs routing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from hub.domain.delivery import ANSWERED, Status
from hub.domain.lag import HopSeconds, measure
from hub.domain.mandate import REST, is_live, state
from hub.observe.shown import shown_status
from hub.store import mandates, observe, register, school_deliveries
from hub.store.mandates import MandateFilter as WantedMandates
from hub.store.mandates import MandateScope
from hub.store.school_deliveries import UnitAtReceiver
from schemas.identifiers import brin_of_branch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from hub.domain.mandate import Mandate, Unit
    from hub.domain.school import School
    from hub.store.mandates import MandateView
    from hub.store.observe import DestinationView
    from hub.store.pool import Connection
    from hub.store.school_deliveries import DeliveryKey, SchoolDelivery, UnitEvent
    from schemas.identifiers import Branch, Brin
    from schemas.kinds import MandateState

Coverage = Literal["branch", "school", "needs_routing"]
SHOWN_AFTER_END: Final = timedelta(days=30)
"""How long an ended mandate stays visible: its end has to be delivered, too."""
NOT_PLANNED: Final = "not_planned"
UNKNOWN: Final = HopSeconds(publish=None, plan=None, transport=None, processing=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One mandate at one branch, with the status of its newest message."""

    service_code: str
    supplier_oin: str
    system_code: str
    system_name: str
    mandate_id: UUID
    mandate_version: int
    mandate_state: MandateState
    coverage: Coverage
    routing_id: str | None
    destination: str
    delivery_id: UUID | None = None
    sequence: int | None = None
    status: str | None = None
    reason: str | None = None
    since: datetime | None = None
    signals: Sequence[Mapping[str, Any]] = ()
    hops: HopSeconds = UNKNOWN
    repeat: Status | None = None
    """The status of a repeat of a processed message that is on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchStatus:
    """A branch with its cells, by service, supplier and system."""

    branch: Branch
    name: str
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolStatus:
    """The status of a school."""

    brin: Brin
    name: str
    as_of: datetime
    branches: Sequence[BranchStatus]


async def school_status(
    c: Connection, brin: Brin, now: datetime, today: date, mandate_id: UUID | None = None
) -> SchoolStatus | None:
    """Read the status of a school, or of one mandate of it; return None for an unknown school."""
    async with c.transaction(isolation="repeatable_read", readonly=True):
        if mandate_id is None:
            views = await mandates.shown_mandates(c, [brin], today - SHOWN_AFTER_END)
        else:
            wanted = WantedMandates(id=mandate_id, brin=brin)
            views = await mandates.mandate_views(c, wanted, MandateScope(everything=True), 1)
        return (await _read_all(c, [brin], views, now, today)).get(brin)


async def schools_status(c: Connection, brins: Sequence[Brin], now: datetime, today: date) -> dict[Brin, SchoolStatus]:
    """Read the status of many schools, by as many statements as for one; unknown schools are left out."""
    async with c.transaction(isolation="repeatable_read", readonly=True):
        views = await mandates.shown_mandates(c, brins, today - SHOWN_AFTER_END)
        return await _read_all(c, brins, views, now, today)


async def _read_all(
    c: Connection, brins: Sequence[Brin], views: Sequence[MandateView], now: datetime, today: date
) -> dict[Brin, SchoolStatus]:
    data = await _read(c, views, today)
    cells: dict[Branch, list[Cell]] = defaultdict(list)
    for view in sorted(views, key=lambda v: _order(v.mandate)):
        for unit in view.mandate.units:
            if (cell := data.cell(view, unit)) is not None:
                for branch in unit.covers:
                    cells[branch].append(cell)
    await _add_signals(c, data, cells)
    return {
        brin: SchoolStatus(brin=brin, name=school.name, as_of=now, branches=list(_branches(school, cells, today)))
        for brin, school in (await register.read_schools(c, brins)).items()
    }


async def _read(c: Connection, views: Sequence[MandateView], today: date) -> _SchoolData:
    destinations = {destination.name: destination for destination in await observe.read_destinations(c)}
    queues = {each.code: each.destination for each in await register.services(c)}
    units = [
        UnitAtReceiver(
            mandate_id=view.mandate.id,
            branch=unit.branch,
            is_queue=queues.get(view.mandate.service_code) is not None,
        )
        for view in views
        for unit in view.mandate.units
    ]
    told = {(each.mandate_id, each.branch): each for each in await school_deliveries.newest_events(c, units)}
    receivers = {view.mandate.id: destinations.get(_destination_name(queues, view.mandate)) for view in views}
    planned = [
        (receiver.id, event)
        for (mandate_id, _), event in told.items()
        if event.is_planned and (receiver := receivers[mandate_id]) is not None
    ]
    sent = await school_deliveries.newest_deliveries(c, planned)
    return _SchoolData(destinations=destinations, queues=queues, told=told, sent=sent, today=today)


def _destination_name(queues: Mapping[str, str | None], mandate: Mandate) -> str:
    return queues.get(mandate.service_code) or f"las:{mandate.system_code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _SchoolData:
    """The rows of a school from which cells are made."""

    destinations: Mapping[str, DestinationView]
    queues: Mapping[str, str | None]
    told: Mapping[tuple[UUID, str], UnitEvent]
    sent: Mapping[DeliveryKey, SchoolDelivery]
    today: date

    def cell(self, view: MandateView, unit: Unit) -> Cell | None:
        """Return the cell of a unit; None for an ended one without messages."""
        mandate = view.mandate
        name = _destination_name(self.queues, mandate)
        event = self.told.get((mandate.id, unit.branch))
        if event is None and not is_live(mandate, self.today):
            return None
        empty = Cell(
            service_code=mandate.service_code,
            supplier_oin=mandate.supplier_oin,
            system_code=mandate.system_code,
            system_name=view.system_name,
            mandate_id=mandate.id,
            mandate_version=mandate.version,
            mandate_state=state(mandate, self.today),
            coverage=_coverage(mandate, unit, self.today),
            routing_id=unit.routing,
            destination=name,
        )
        if event is None or empty.coverage == "needs_routing":
            return empty
        return self._fill(empty, event, unit, self.destinations.get(name))

    def _fill(self, cell: Cell, event: UnitEvent, unit: Unit, destination: DestinationView | None) -> Cell:
        sent = self.sent.get((event.brin, destination.id, event.number, unit.branch)) if destination else None
        if sent is None or destination is None:
            return replace(cell, mandate_version=event.mandate_version, reason=NOT_PLANNED, since=event.recorded_at)
        status, reason = shown_status(destination, sent.status, sent.reason, lane_is_held=sent.lane_is_held)
        return replace(
            cell,
            mandate_version=event.mandate_version,
            delivery_id=sent.id,
            sequence=sent.sequence,
            status=status,
            reason=reason,
            since=_since(sent),
            hops=measure(sent.moments),
            repeat=sent.repeat_status,
        )


async def _add_signals(c: Connection, data: _SchoolData, cells: Mapping[Branch, list[Cell]]) -> None:
    ids = {cell.delivery_id for column in cells.values() for cell in column}
    shown = [sent for sent in data.sent.values() if sent.id in ids and sent.moments.delivered_at is not None]
    found = await school_deliveries.read_signals(c, shown) if shown else {}
    names = {destination.name: destination.id for destination in data.destinations.values()}
    for branch, column in cells.items():
        column[:] = [
            replace(
                cell,
                signals=found.get((brin_of_branch(branch), names.get(cell.destination, 0), cell.sequence or 0), ()),
            )
            for cell in column
        ]


def _order(mandate: Mandate) -> tuple[str, str, str, datetime]:
    return mandate.service_code, mandate.supplier_oin, mandate.system_code, mandate.created_at


def _coverage(mandate: Mandate, unit: Unit, today: date) -> Coverage:
    if unit.branch != REST:
        return "branch"
    return "school" if unit.told or not is_live(mandate, today) else "needs_routing"


def _since(sent: SchoolDelivery) -> datetime:
    moments = sent.moments
    if sent.status in ANSWERED and moments.processed_at is not None:
        return moments.processed_at
    if sent.status is Status.RETRYING and sent.failed_since is not None:
        return sent.failed_since
    return moments.delivered_at or sent.failed_since or moments.planned_at


def _branches(school: School, cells: Mapping[Branch, Sequence[Cell]], today: date) -> Iterator[BranchStatus]:
    for destination in school.branches:
        if destination.is_open(today) or cells.get(destination.branch):
            yield BranchStatus(
                branch=destination.branch, name=destination.name, cells=cells.get(destination.branch, ())
            )
