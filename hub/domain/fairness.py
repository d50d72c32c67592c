"""Who may have how much of what there is. In: what each could use and has in hand. Out: how many more each may take.

Nobody's backlog takes a place that another needs: all that are hungry share alike, and each may always have a few,
however full the house is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Demand:
    """How many more one could use, how many it has, and whether it took what it was offered last time."""

    more: int
    has: int
    has_backlog: bool


def allocate(demands: Mapping[K, Demand], total: int, floor: int) -> dict[K, int]:
    """Share `total` among those who want more; each may have `floor`, whatever the others have."""
    contenders = sum(1 for demand in demands.values() if demand.has_backlog or demand.has)
    fair = max(floor, total // max(contenders, 1))
    room = total - sum(demand.has for demand in demands.values())
    shares = {who: _share(demand, min(fair - demand.has, room), floor - demand.has) for who, demand in demands.items()}
    return {who: n for who, n in shares.items() if n > 0}


def _share(demand: Demand, fair: int, floor: int) -> int:
    return min(demand.more, max(fair, floor))
