"""From an event to its deliveries. In: events of schools, and who listens. Out: what each lane gets, in order."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from hub.domain.ids import delivery_id
from hub.domain.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from uuid import UUID


class UnitMessage(NamedTuple):
    """The message of an event about one unit; '' is the rest of the school."""

    branch: str
    kind: Kind


class EventToPlan(NamedTuple):
    """An event as the planner reads it from the log."""

    brin: str
    number: int
    id: UUID
    service_code: str
    system_code: str
    units: Sequence[UnitMessage]


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationRef:
    """A destination, by number and name."""

    id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionFilter:
    """A subscription that is not deleted, as far as planning goes; while it is paused its lanes wait."""

    services: frozenset[str]
    types: tuple[str, ...]
    reports: bool

    def wants(self, service: str, kind: Kind) -> bool:
        """Return whether it asked for such messages."""
        return service in self.services and any(fnmatchcase(kind.type, pattern) for pattern in self.types)


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Who gets what: queues per service, webhook and copy lane per system, and what each system asked for."""

    queues: Mapping[str, DestinationRef]
    webhooks: Mapping[str, DestinationRef]
    copies: Mapping[str, DestinationRef]
    subscriptions: Mapping[str, SubscriptionFilter]


class Planned(NamedTuple):
    """One delivery, before its lane gives it a number."""

    destination: DestinationRef
    brin: str
    event_number: int
    id: UUID
    branch: str
    kind: Kind
    expects_report: bool
    cause: UUID | None = None
    """The replay, subscription or recovery that it follows from; empty when its event alone led to it."""
    replay_of: UUID | None = None
    """The earlier delivery that it stands for."""
    result: str | None = None
    """The result of a delivery to DUO, as JSON, where the message is about that and not about the unit."""


def plan_deliveries(events: Iterable[EventToPlan], directory: Directory) -> Iterator[Planned]:
    """Expand events into deliveries, in the order of the events."""
    for event in events:
        for unit in event.units:
            yield from _of_unit(event, unit, directory)


def expects_report(kind: Kind, subscription: SubscriptionFilter | None) -> bool:
    """Return whether a system is expected to report on a message to its webhook."""
    return not kind.is_end and kind is not Kind.STARTED and (subscription is None or subscription.reports)


def _of_unit(event: EventToPlan, unit: UnitMessage, directory: Directory) -> Iterator[Planned]:
    queue = directory.queues.get(event.service_code)
    subscription = directory.subscriptions.get(event.system_code)
    if queue is None:
        expects = expects_report(unit.kind, subscription)
        yield _planned(event, unit, directory.webhooks[event.system_code], expects_report=expects)
        return
    if not unit.kind.is_calendar:
        yield _planned(event, unit, queue, expects_report=True)
    if subscription is not None and subscription.wants(event.service_code, unit.kind):
        yield _planned(event, unit, directory.copies[event.system_code], expects_report=False)


def _planned(event: EventToPlan, unit: UnitMessage, destination: DestinationRef, *, expects_report: bool) -> Planned:
    return Planned(
        destination=destination,
        brin=event.brin,
        event_number=event.number,
        id=delivery_id(event.id, destination.name, unit.branch),
        branch=unit.branch,
        kind=unit.kind,
        expects_report=expects_report,
    )
