"""The current state of a unit, as one message. In: what events say of it, and what its lane holds. Out: what to append.

State, not history: an old message is never sent again. Sending `granted` after `withdrawn` would bring back an
authorisation.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

from hub.domain.ids import delivery_id
from hub.domain.kinds import Kind
from hub.domain.planning import Planned, expects_report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.domain.planning import DestinationRef, SubscriptionFilter

UnitKey: TypeAlias = tuple[int, str, UUID, str]
"""A destination, a school, a mandate and a branch ('' for the rest): whom a message about a unit is for."""


class DestinationKind(StrEnum):
    """What stands behind a destination."""

    QUEUE = "duo"
    WEBHOOK = "las"
    COPIES = "las-copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitEvents:
    """The planned events about a unit at one destination: the newest of each kind, by number and id."""

    destination: DestinationRef
    destination_kind: DestinationKind
    subscription: SubscriptionFilter | None
    service_code: str
    newest: Mapping[Kind, tuple[int, UUID]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneUnitState:
    """What a lane holds of a unit."""

    last_taken: Kind | None = None
    """What the receiver took last."""
    waits_with: int | None = None
    """The newest event that a waiting delivery of the lane is about."""
    newest: UUID | None = None
    """The newest delivery, whatever became of it."""
    was_restated: bool = False
    """Whether the same cause led to a delivery before."""


class SkipReason(StrEnum):
    """Why nothing is appended."""

    COVERED = "covered"
    """What waits in the lane carries the current state already."""
    REPEATED = "repeated"
    """The same cause appended it before."""
    SILENT = "silent"
    """No planned event speaks of the unit to this destination."""


def restatement(key: UnitKey, unit_events: UnitEvents, lane_state: LaneUnitState, cause: UUID) -> Planned | SkipReason:
    """Return the delivery with the unit's current state for the end of its lane, or why there is none."""
    if lane_state.was_restated:
        return SkipReason.REPEATED
    newest = newest_event(unit_events)
    if newest is None:
        return SkipReason.SILENT
    said, number, event_id = newest
    if lane_state.waits_with is not None and lane_state.waits_with >= number:
        return SkipReason.COVERED
    kind = kind_to_send(said, lane_state.last_taken)
    _, brin, _, branch = key
    return Planned(
        destination=unit_events.destination,
        brin=brin,
        event_number=number,
        id=delivery_id(event_id, unit_events.destination.name, branch, cause),
        branch=branch,
        kind=kind,
        expects_report=_expects(unit_events, kind),
        cause=cause,
        replay_of=lane_state.newest,
    )


def newest_event(unit_events: UnitEvents) -> tuple[Kind, int, UUID] | None:
    """Return the newest event that this destination receives: its kind, number and id."""
    received = [
        (number, kind, event_id)
        for kind, (number, event_id) in unit_events.newest.items()
        if _receives(unit_events, kind)
    ]
    if not received:
        return None
    number, kind, event_id = max(received)
    return kind, number, event_id


def kind_to_send(said: Kind, last_taken: Kind | None) -> Kind:
    """Return the event kind to send for a unit: an end stays an end, and a unit that is news is `granted`."""
    if said.is_end:
        return said
    return Kind.GRANTED if last_taken is None or last_taken.is_end else said


def _receives(unit_events: UnitEvents, kind: Kind) -> bool:
    match unit_events.destination_kind:
        case DestinationKind.QUEUE:
            return not kind.is_calendar
        case DestinationKind.WEBHOOK:
            return True
        case DestinationKind.COPIES:
            return unit_events.subscription is not None and unit_events.subscription.wants(
                unit_events.service_code, kind
            )


def _expects(unit_events: UnitEvents, kind: Kind) -> bool:
    match unit_events.destination_kind:
        case DestinationKind.QUEUE:
            return True
        case DestinationKind.WEBHOOK:
            return expects_report(kind, unit_events.subscription)
        case DestinationKind.COPIES:
            return False
