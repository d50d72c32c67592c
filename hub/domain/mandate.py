"""A mandate: which system may exchange data for a school, for one service, from when until when.

In: rows of the register. Out: what follows from the dates on a day. Next: `hub.domain.coverage`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from schemas.identifiers import UNNAMED, Branch, SystemCode
from schemas.kinds import MandateState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from schemas.identifiers import Brin, Oin, RoutingId, ServiceCode

REST: Final = Branch("")
"""The unit of all branches without a routing characteristic."""
OVER: Final = frozenset({MandateState.ENDED, MandateState.WITHDRAWN})
DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A part of a school with messages of its own: one routed branch, or the rest."""

    branch: Branch
    routing: RoutingId | None
    covers: tuple[Branch, ...]
    told: bool = False
    """Whether its system has received it, and not yet its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """A mandate as the register holds it; `units` are those last computed, `version` the number of its events."""

    id: UUID
    brin: Brin
    service_code: ServiceCode
    supplier_oin: Oin
    start_date: date
    end_date: date | None
    created_at: datetime
    updated_at: datetime
    version: int = 0
    routes: Mapping[Branch, RoutingId] = field(default_factory=dict)
    units: tuple[Unit, ...] = ()
    next_date: date | None = None
    copied_from: UUID | None = None
    withdrawn_at: datetime | None = None
    system_code: SystemCode = UNNAMED
    """Its supplier's OIN when left out."""

    def __post_init__(self) -> None:
        if not self.system_code:
            object.__setattr__(self, "system_code", SystemCode(self.supplier_oin))


def state(mandate: Mandate, today: date) -> MandateState:
    """Return the state of a mandate on a day."""
    if mandate.withdrawn_at is not None:
        return MandateState.WITHDRAWN
    if mandate.end_date is not None and mandate.end_date < today:
        return MandateState.ENDED
    return state_before_end(mandate.start_date, today)


def state_before_end(start: date, today: date) -> MandateState:
    """Return the state on a day of a mandate that is not over."""
    return MandateState.FUTURE if start > today else MandateState.ACTIVE


def is_live(mandate: Mandate, today: date) -> bool:
    """Return whether a mandate is in force on a day, or will be later."""
    return mandate.withdrawn_at is None and (mandate.end_date is None or mandate.end_date >= today)


class Period(Protocol):
    """From which day until which day, both included; None is without an end."""

    @property
    def start_date(self) -> date:
        """The first day."""

    @property
    def end_date(self) -> date | None:
        """The last day."""


def overlaps(one: Period, other: Period, today: date) -> bool:
    """Return whether two periods share a day, today or later."""
    start = max(one.start_date, other.start_date, today)
    return (one.end_date is None or start <= one.end_date) and (other.end_date is None or start <= other.end_date)


def next_date(mandate: Mandate, today: date) -> date | None:
    """Return the next day after `today` with an event of a mandate: its start, or the day after its end."""
    return next_date_in(state(mandate, today), mandate.start_date, mandate.end_date)


def next_date_in(where: MandateState, start: date, end: date | None) -> date | None:
    """Return that day for a mandate in this state; None for one that is over."""
    if where is MandateState.FUTURE:
        return start
    if where in OVER or end is None or end == date.max:
        return None
    return end + DAY
