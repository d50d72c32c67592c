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

    from hub.domain.planning import Destination, Listener

UnitKey: TypeAlias = tuple[int, str, UUID, str]
"""A destination, a school, a mandate and a branch ('' for the rest): what is told to whom."""


class PlaceKind(StrEnum):
    """What stands behind a destination."""

    QUEUE = "duo"
    WEBHOOK = "las"
    COPIES = "las-copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What planned events say of a unit that one destination hears of: the newest of each kind, by number and id."""

    place: Destination
    place_kind: PlaceKind
    listener: Listener | None
    service_code: str
    newest: Mapping[Kind, tuple[int, UUID]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a lane holds of a unit."""

    last_taken: Kind | None = None
    """What the receiver took last."""
    waits_with: int | None = None
    """The newest event that something still tells of which waits in the lane."""
    newest: UUID | None = None
    """The newest delivery, whatever became of it."""
    was_restated: bool = False
    """Whether the same cause led to a delivery before."""


class Unsaid(StrEnum):
    """Why nothing is appended."""

    COVERED = "covered"
    """What waits in the lane carries the current state already."""
    REPEATED = "repeated"
    """The same cause appended it before."""
    SILENT = "silent"
    """No planned event speaks of the unit to this destination."""


def restatement(key: UnitKey, spoken: Spoken, told: Told, cause: UUID) -> Planned | Unsaid:
    """Say what the end of a unit's lane gets: its current state, unless that is there."""
    if told.was_restated:
        return Unsaid.REPEATED
    newest = current(spoken)
    if newest is None:
        return Unsaid.SILENT
    said, number, event_id = newest
    if told.waits_with is not None and told.waits_with >= number:
        return Unsaid.COVERED
    kind = kind_now(said, told.last_taken)
    _, brin, _, branch = key
    return Planned(
        destination=spoken.place,
        brin=brin,
        event_number=number,
        id=delivery_id(event_id, spoken.place.name, branch, cause),
        branch=branch,
        kind=kind,
        expects_report=_expects(spoken, kind),
        cause=cause,
        replay_of=told.newest,
    )


def current(spoken: Spoken) -> tuple[Kind, int, UUID] | None:
    """Find the newest event that this destination hears of: what it says of the unit, its number and its id."""
    heard = [(number, kind, event_id) for kind, (number, event_id) in spoken.newest.items() if _hears(spoken, kind)]
    if not heard:
        return None
    number, kind, event_id = max(heard)
    return kind, number, event_id


def kind_now(said: Kind, last_taken: Kind | None) -> Kind:
    """Say as what a unit's state is told: an end as the end it is, and as `granted` to whom the unit is news."""
    if said.is_end:
        return said
    return Kind.GRANTED if last_taken is None or last_taken.is_end else said


def _hears(spoken: Spoken, kind: Kind) -> bool:
    match spoken.place_kind:
        case PlaceKind.QUEUE:
            return not kind.is_calendar
        case PlaceKind.WEBHOOK:
            return True
        case PlaceKind.COPIES:
            return spoken.listener is not None and spoken.listener.wants(spoken.service_code, kind)


def _expects(spoken: Spoken, kind: Kind) -> bool:
    match spoken.place_kind:
        case PlaceKind.QUEUE:
            return True
        case PlaceKind.WEBHOOK:
            return expects_report(kind, spoken.listener)
        case PlaceKind.COPIES:
            return False
