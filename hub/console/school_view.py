"""The view of a school's page. In: mandates and the status of each branch. Out: cards per service.

Branches that a mandate covers in the same way, by one message, are shown together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hub.console.glance import code_of
from hub.domain.mandate import DAY, is_live, overlaps, state
from schemas.kinds import MandateState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from hub.domain.mandate import Mandate
    from hub.domain.system import Service
    from hub.observe.status import Cell, SchoolStatus
    from hub.store.mandates import MandateView

NamedBranch = tuple[str, str]
"""A branch and its name."""


@dataclass(slots=True)
class BranchGroup:
    """The branches that one message covers, and its status."""

    cell: Cell
    branches: list[NamedBranch] = field(default_factory=list)

    @property
    def code(self) -> str:
        """The message's status, or the reason why there is none."""
        return code_of(self.cell)


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateCard:
    """A mandate as the page shows it."""

    mandate: Mandate
    system_name: str
    state: str
    is_live: bool
    parts: Sequence[BranchGroup]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningOn:
    """A mandate that goes on beside a later one of another system, and the day on which it could end instead."""

    old: MandateCard
    new: MandateCard
    end: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceView:
    """A service with the school's mandates for it."""

    code: str
    shown_as: str
    live: Sequence[MandateCard]
    over: Sequence[MandateCard]
    today: date
    is_queue: bool
    """Whether DUO processes it."""

    @property
    def now(self) -> list[MandateCard]:
        """The mandates in force today."""
        return [card for card in self.live if card.state == MandateState.ACTIVE]

    @property
    def coming(self) -> list[MandateCard]:
        """The mandates that begin later, the next one first."""
        later = [card for card in self.live if card.state != MandateState.ACTIVE]
        return sorted(later, key=lambda card: card.mandate.start_date)

    @property
    def uses_two(self) -> bool:
        """Whether mandates of two systems are in force today."""
        return len({card.mandate.system_code for card in self.now}) > 1

    @property
    def running_on(self) -> list[RunningOn]:
        """The mandates because of which a later one is not told of its branches."""
        return [
            RunningOn(old=old, new=new, end=max(new.mandate.start_date - DAY, self.today))
            for new in self.live
            if any(part.code == "needs_routing" for part in new.parts)
            for old in self.live
            if old.mandate.system_code != new.mandate.system_code
            and old.mandate.start_date <= self.today
            and old.mandate.created_at < new.mandate.created_at
            and overlaps(old.mandate, new.mandate, self.today)
        ]

    @property
    def in_doubt(self) -> list[NamedBranch]:
        """The branches that need a routing characteristic."""
        named = {b for card in self.live for part in card.parts if part.code == "needs_routing" for b in part.branches}
        return sorted(named)

    @property
    def untold(self) -> list[str]:
        """The systems that got no message about those branches."""
        return [card.system_name for card in self.live if any(part.code == "needs_routing" for part in card.parts)]


def view_school(
    status: SchoolStatus, views: Iterable[MandateView], services: Iterable[Service], today: date
) -> list[ServiceView]:
    """Return the services with the school's mandates; services without mandates come last."""
    parts = _groups_by_mandate(status)
    cards: dict[str, list[MandateCard]] = {}
    for view in views:
        mandate = view.mandate
        cards.setdefault(mandate.service_code, []).append(card_of(view, parts.get(mandate.id, {}), today))
    shown = [
        ServiceView(
            code=service.code,
            shown_as=service.shown_as,
            live=[card for card in cards.get(service.code, ()) if card.is_live],
            over=sorted((card for card in cards.get(service.code, ()) if not card.is_live), key=_ended, reverse=True),
            today=today,
            is_queue=service.destination is not None,
        )
        for service in services
    ]
    return sorted(shown, key=lambda service: not (service.live or service.over))


def _ended(card: MandateCard) -> date:
    mandate = card.mandate
    return mandate.withdrawn_at.date() if mandate.withdrawn_at else mandate.end_date or mandate.start_date


def card_of(view: MandateView, parts: Mapping[object, BranchGroup], today: date) -> MandateCard:
    """Return the card of a mandate."""
    mandate = view.mandate
    return MandateCard(
        mandate=mandate,
        system_name=view.system_name,
        state=state(mandate, today).value,
        is_live=is_live(mandate, today),
        parts=list(parts.values()),
    )


def branch_groups(status: SchoolStatus, mandate: Mandate) -> Mapping[object, BranchGroup]:
    """Return the branch groups of one mandate."""
    return _groups_by_mandate(status).get(mandate.id, {})


def _groups_by_mandate(status: SchoolStatus) -> dict[object, dict[object, BranchGroup]]:
    parts: dict[object, dict[object, BranchGroup]] = {}
    for branch in status.branches:
        for cell in branch.cells:
            alike = parts.setdefault(cell.mandate_id, {})
            part = alike.setdefault((cell.coverage, cell.routing_id, cell.delivery_id), BranchGroup(cell))
            part.branches.append((branch.branch, branch.name))
    return parts
