"""Who would be told what, and when, by a change that is not made yet. In: its events, by day. Out: messages in order.

The planner's own rules say who gets a message; a destination that takes nothing now says what its messages wait for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.domain import planning
from hub.domain.cause import DestinationState
from hub.domain.planning import EventToPlan, UnitMessage
from hub.store import observe, plans
from schemas.identifiers import Branch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from hub.domain.change import NewEvent
    from hub.domain.kinds import Kind
    from hub.domain.mandate import Unit
    from hub.domain.planning import Directory
    from hub.register import DatedEvent
    from hub.store.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeseenMessage:
    """A message that a destination would get about a unit of a mandate, as the mandate is after the event."""

    day: date
    destination: str
    waits_for: DestinationState
    """Open where nothing keeps the message back now."""
    event: NewEvent
    kind: Kind
    unit: Unit

    @property
    def is_queue(self) -> bool:
        """Whether DUO gets it."""
        return self.destination.startswith("duo:")


async def foresee(c: Connection, events: Iterable[DatedEvent]) -> list[ForeseenMessage]:
    """Return the messages of these events, inside the caller's transaction."""
    directory = await plans.directory(c)
    states = {each.name: each.state for each in await observe.read_destinations(c)}
    return [message for dated in events for message in _messages(dated, directory, states)]


def _messages(
    dated: DatedEvent, directory: Directory, states: dict[str, DestinationState]
) -> Iterator[ForeseenMessage]:
    mandate = dated.event.mandate
    units = {(each.unit.branch, each.kind): each.unit for each in dated.event.messages}
    event = EventToPlan(
        brin=mandate.brin,
        number=0,
        id=mandate.id,
        service_code=mandate.service_code,
        system_code=mandate.system_code,
        units=[UnitMessage(branch=branch, kind=kind) for branch, kind in units],
    )
    for planned in planning.plan_deliveries([event], directory):
        name = planned.destination.name
        yield ForeseenMessage(
            day=dated.day,
            destination=name,
            waits_for=states.get(name, DestinationState.OPEN),
            event=dated.event,
            kind=planned.kind,
            unit=units[Branch(planned.branch), planned.kind],
        )
