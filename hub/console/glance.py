"""A school at a glance. In: its status. Out: how many of its mandates need something, wait, or are in order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from schemas.kinds import MandateState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from uuid import UUID

    from hub.observe.status import Cell, SchoolStatus


class Need(StrEnum):
    """What a mandate needs, or the mandates of a school together; also the word in the address of a filtered page."""

    ACTION = "actie"
    WAITING = "wacht"
    DONE = "orde"
    NOTHING = "geen"


ORDER: Final = tuple(Need)
"""What needs most comes first."""
STEP_AFTER: Final = timedelta(days=1)
"""A system that took a message and says nothing for so long usually waits for the school."""
_OF_STATUS: Final[Mapping[str, Need]] = {
    **dict.fromkeys(("rejected", "declined", "dead", "needs_routing"), Need.ACTION),
    **dict.fromkeys(("waiting", "held", "retrying", "delivered", "in_progress", "not_planned"), Need.WAITING),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPoint:
    """A service for which a school has something to do, and the status that says what."""

    service_code: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """How many mandates of a school need what, how many begin later, and the points that are open."""

    counts: Mapping[Need, int]
    coming: int
    points: tuple[OpenPoint, ...]

    @property
    def need(self) -> Need:
        """What the school as a whole needs: the most of what its mandates need."""
        return next((need for need in ORDER if self.counts[need]), Need.NOTHING)


def code_of(cell: Cell) -> str:
    """Return the status of a cell's message, or the reason why there is none."""
    return "needs_routing" if cell.coverage == "needs_routing" else cell.status or "not_planned"


def is_step(cell: Cell, now: datetime) -> bool:
    """Return whether the school probably has a step to take in its system."""
    if cell.destination.startswith("duo:"):
        return False
    is_old = cell.since is not None and now - cell.since > STEP_AFTER
    return cell.status == "in_progress" or (cell.status == "delivered" and is_old)


def shown_code(cell: Cell, now: datetime) -> str:
    """Return the same, or that the school has a step to take."""
    return "step" if is_step(cell, now) else code_of(cell)


def need_of(cell: Cell, now: datetime) -> Need:
    """Return what a cell needs."""
    return Need.ACTION if is_step(cell, now) else _OF_STATUS.get(code_of(cell), Need.DONE)


def glance_at(status: SchoolStatus) -> Glance:
    """Sum up the status of a school; a mandate needs the most of what its branches need."""
    cells = [cell for branch in status.branches for cell in branch.cells]
    needs: dict[UUID, Need] = {}
    for cell in cells:
        found = need_of(cell, status.as_of)
        needs[cell.mandate_id] = min(found, needs.get(cell.mandate_id, found), key=ORDER.index)
    shown = {cell.mandate_id: needs[cell.mandate_id] for cell in cells if _counts(cell, needs)}
    counts = {need: sum(each is need for each in shown.values()) for need in ORDER}
    points = (
        OpenPoint(service_code=cell.service_code, code=shown_code(cell, status.as_of))
        for cell in _open(cells, status.as_of)
    )
    coming = {cell.mandate_id for cell in cells if cell.mandate_state is MandateState.FUTURE}
    return Glance(counts=counts, coming=len(coming), points=tuple(dict.fromkeys(points)))


def _counts(cell: Cell, needs: Mapping[UUID, Need]) -> bool:
    """Return whether a mandate counts: it is not over, or its end is not through yet."""
    is_over = cell.mandate_state in (MandateState.ENDED, MandateState.WITHDRAWN)
    return not is_over or needs[cell.mandate_id] is not Need.DONE


def _open(cells: Iterable[Cell], now: datetime) -> Iterable[Cell]:
    return (cell for cell in cells if need_of(cell, now) is Need.ACTION)
