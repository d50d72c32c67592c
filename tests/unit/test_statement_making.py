"""Statements that take long: who asks hears how far they are, and one is made at a time."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.observe import statement_making
from hub.observe.statement import Statement
from hub.observe.statement_making import StatementMaker, StatementProgress
from hub.store.statement import SecondsHistogram

if TYPE_CHECKING:
    from hub.observe.statement_making import Tell

T0 = datetime(2026, 11, 1, tzinfo=UTC)
SOON = 0.001
BOUND = 30


class Slow:
    """Makes statements that are ready when `ready` is set; counts how many it began and how many it makes at once."""

    def __init__(self) -> None:
        self.ready, self.begun, self.at_once, self.most = asyncio.Event(), 0, 0, 0
        self.has_begun = asyncio.Event()

    async def __call__(self, tell: Tell) -> Statement:
        """Make one."""
        self.begun += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        tell(2, 31)
        self.has_begun.set()
        await self.ready.wait()
        self.at_once -= 1
        return Statement(
            month="2026-11", since=T0, until=T0, is_over=True, messages=7, repeats=0, cancelled=0, lines=()
        )


@pytest.fixture
def slow() -> Slow:
    """Make slow statements."""
    return Slow()


async def test_who_does_not_wait_hears_how_far_it_is(slow: Slow) -> None:
    """It goes on meanwhile, and is there for who asks again; two who ask share it."""
    maker = StatementMaker()
    assert await maker.ask("2026-11", slow, SOON) == StatementProgress(2, 31)
    waiting = asyncio.create_task(maker.ask("2026-11", slow, BOUND))
    slow.ready.set()
    found = await waiting
    assert isinstance(found, Statement)
    assert (found.messages, slow.begun) == (7, 1)


async def test_one_is_made_at_a_time(slow: Slow) -> None:
    """Months that are asked for together wait for each other: one connection is used, not all of them."""
    maker = StatementMaker()
    asked = [asyncio.create_task(maker.ask(f"2026-{nth:02}", slow, BOUND)) for nth in range(1, 13)]
    await slow.has_begun.wait()
    slow.ready.set()
    await asyncio.gather(*asked)
    assert (slow.begun, slow.most) == (12, 1)


async def test_what_took_long_is_kept_for_a_while(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times as long as it took: looking again within that costs nothing."""
    clock = [0.0]
    monkeypatch.setattr(statement_making, "monotonic", lambda: clock[0])
    maker = StatementMaker()
    await maker.ask("2026-11", slow, SOON)
    clock[0] = 5.0
    slow.ready.set()
    await maker.ask("2026-11", slow, BOUND)
    clock[0] = 54.0
    await maker.ask("2026-11", slow, BOUND)
    assert slow.begun == 1
    clock[0] = 56.0
    await maker.ask("2026-11", slow, BOUND)
    assert slow.begun == 2


async def test_a_fault_is_told_and_tried_again(slow: Slow) -> None:
    """The database may be away for a moment; what failed is not kept."""

    async def fail(_: Tell) -> Statement:
        await asyncio.sleep(0)
        raise OSError("away")

    maker = StatementMaker()
    with pytest.raises(OSError, match="away"):
        await maker.ask("2026-11", fail, BOUND)
    slow.ready.set()
    assert isinstance(await maker.ask("2026-11", slow, BOUND), Statement)


async def test_a_stop_ends_what_is_being_made(slow: Slow) -> None:
    """Nothing is waited for when the process stops."""
    maker = StatementMaker()
    await maker.ask("2026-11", slow, SOON)
    async with asyncio.timeout(BOUND):
        await maker.close()


@given(st.lists(st.floats(0.001, 1e7), min_size=1), st.sampled_from([0.5, 0.99]))
def test_percentiles_of_merged_parts_are_right_within_one_percent(seconds: list[float], share: float) -> None:
    """However the seconds are divided over parts."""
    whole = SecondsHistogram()
    for nth in (0, 1):
        part = SecondsHistogram()
        for each in seconds[nth::2]:
            part.add(statement_bin(each), 1, each)
        whole.merge(part)
    exact = sorted(seconds)[max(0, -(-len(seconds) * round(share * 100) // 100) - 1)]
    found = whole.percentile(share)
    assert found is not None
    assert exact <= found <= exact * 1.011


def statement_bin(seconds: float) -> int:
    """Return the bin, as the statement computes it."""
    return math.floor(math.log(max(seconds, 0.001)) * 100)
