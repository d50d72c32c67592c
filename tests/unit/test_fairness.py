"""Laws of sharing: nobody gets more than it can use, nobody is kept from its few, the hungry share alike."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.domain.fairness import Demand, allocate

WISHES = st.dictionaries(
    st.integers(0, 40), st.builds(Demand, st.integers(0, 200), st.integers(0, 200), st.booleans()), max_size=40
)


@given(WISHES, st.integers(1, 2000), st.integers(1, 20))
def test_nobody_gets_more_than_it_can_use_or_less_than_its_few(
    demands: dict[int, Demand], total: int, floor: int
) -> None:
    """However full the house is."""
    shares = allocate(demands, total, floor)
    for who, demand in demands.items():
        assert min(demand.wanted, max(0, floor - demand.in_use)) <= shares.get(who, 0) <= demand.wanted


@given(WISHES, st.integers(1, 2000))
def test_those_that_are_hungry_fit_into_the_house(demands: dict[int, Demand], total: int) -> None:
    """Beyond the few that each may always have, all of them together never have more than there is."""
    hungry = {who: Demand(demand.wanted, 0, has_backlog=True) for who, demand in demands.items()}
    assert sum(allocate(hungry, total, 1).values()) <= max(total, len(hungry))


def test_one_that_takes_all_it_gets_leaves_the_others_their_share() -> None:
    """A house full of one slow receiver's lanes: the others still get some, and equal ones when they are many."""
    full = {
        0: Demand(0, 1500, has_backlog=True),
        1: Demand(128, 0, has_backlog=True),
        2: Demand(5, 0, has_backlog=False),
    }
    assert allocate(full, 1500, 16) == {1: 16, 2: 5}
    many = {who: Demand(128, 0, has_backlog=True) for who in range(60)}
    assert set(allocate(many, 1500, 16).values()) == {25}
    alone = {0: Demand(128, 0, has_backlog=True), 1: Demand(128, 0, has_backlog=False)}
    assert allocate(alone, 1500, 16) == {0: 128, 1: 128}
