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
class Wish:
    """How many more one could use, how many it has, and whether it took what it was offered last time."""

    more: int
    has: int
    is_hungry: bool


def allot(wishes: Mapping[K, Wish], total: int, floor: int) -> dict[K, int]:
    """Share `total` among those who want more; each may have `floor`, whatever the others have."""
    hungry = sum(1 for wish in wishes.values() if wish.is_hungry or wish.has)
    fair = max(floor, total // max(hungry, 1))
    room = total - sum(wish.has for wish in wishes.values())
    shares = {who: _share(wish, min(fair - wish.has, room), floor - wish.has) for who, wish in wishes.items()}
    return {who: n for who, n in shares.items() if n > 0}


def _share(wish: Wish, fair: int, floor: int) -> int:
    return min(wish.more, max(fair, floor))
