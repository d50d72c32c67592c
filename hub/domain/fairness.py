"""Share permits fairly. In: what each destination could use and has in use. Out: how many more each may take.

No backlog takes a permit that another destination needs: all with a backlog share alike, and each may always have
a few, however many are in use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Demand:
    """How many more permits one could use, how many are in use, and whether it used what it was offered last time."""

    wanted: int
    in_use: int
    has_backlog: bool


def allocate(demands: Mapping[K, Demand], total: int, floor: int) -> dict[K, int]:
    """Share `total` among those who want permits; each may have `floor`, whatever the others have in use."""
    contenders = sum(1 for demand in demands.values() if demand.has_backlog or demand.in_use)
    fair = max(floor, total // max(contenders, 1))
    room = total - sum(demand.in_use for demand in demands.values())
    shares = {
        who: _share(demand, min(fair - demand.in_use, room), floor - demand.in_use) for who, demand in demands.items()
    }
    return {who: n for who, n in shares.items() if n > 0}


def _share(demand: Demand, fair: int, floor: int) -> int:
    return min(demand.wanted, max(fair, floor))
