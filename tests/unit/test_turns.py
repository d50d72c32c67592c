"""Callers share the loop step by step, so that nobody waits for all that another one has begun."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from hub.api.turns import Steps, Turns

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")

HEAVY, LIGHT = "heavy", "light"


@dataclass(slots=True)
class Work:
    """Requests whose steps take as long as is said, and the order in which they ran."""

    seconds: float = 0.0
    ran: list[str] = field(default_factory=list)

    def _step(self, who: str, seconds: float) -> None:
        self.ran.append(who)
        self.seconds += seconds

    async def request(self, who: str, steps: int, seconds: float) -> str:
        """Work in so many steps."""
        for _ in range(steps):
            self._step(who, seconds)
            await asyncio.sleep(0)
        return who

    def now(self) -> float:
        """Return how long all steps took."""
        return self.seconds


async def test_a_caller_waits_for_one_step_of_another_and_not_for_all() -> None:
    """While eight requests of one caller are at work, each step of another runs behind at most two of theirs."""
    work = Work()
    turns = Turns(seconds=work.now)
    heavy = [asyncio.create_task(_run(turns, HEAVY, work.request(HEAVY, 20, 0.003))) for _ in range(8)]
    while len(work.ran) < 10:
        await asyncio.sleep(0)
    before = len(work.ran)
    await _run(turns, LIGHT, work.request(LIGHT, 10, 0.001))
    ran = work.ran[before:]
    last = len(ran) - ran[::-1].index(LIGHT)
    between = "".join("h" if who == HEAVY else "." for who in ran[:last]).split(".")
    assert max(map(len, between)) <= 2
    assert await asyncio.gather(*heavy) == [HEAVY] * 8
    assert work.ran.count(HEAVY) == 160


async def test_other_callbacks_run_between_two_long_steps() -> None:
    """Two steps that fill a round each are in rounds of their own, so that whoever comes meanwhile is heard."""
    work = Work()
    turns = Turns(seconds=work.now)
    tasks = [asyncio.create_task(_run(turns, HEAVY, work.request(HEAVY, 3, 0.002))) for _ in range(3)]
    counted: list[int] = []
    while not all(task.done() for task in tasks):
        before = len(work.ran)
        await asyncio.sleep(0)
        counted.append(len(work.ran) - before)
    assert max(counted) == 1


async def test_short_steps_share_a_round() -> None:
    """Ten requests with little to do are not slowed down by one another."""
    work = Work()
    turns = Turns(seconds=work.now)
    tasks = [asyncio.create_task(_run(turns, f"{n}", work.request(f"{n}", 2, 0.00005))) for n in range(10)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(work.ran) == 20
    await asyncio.gather(*tasks)


async def test_what_a_caller_used_is_forgotten_in_time() -> None:
    """A caller that did much a while ago counts like any other one, and those who left are not remembered."""
    turns = Turns(seconds=lambda: 0.0)
    turns.charge(HEAVY, 1.0)
    for n in range(100_000):
        turns.charge(f"{n}", 0.001)
    assert turns.used(HEAVY) == 0.0
    assert len(turns) < 3000


@pytest.mark.parametrize("waits_for_turn", [False, True])
async def test_a_cancellation_reaches_the_work_where_it_waits(waits_for_turn: bool) -> None:  # noqa: FBT001 - a case
    """The work cleans up behind itself, and the turn that it waited for goes to the next."""
    work = Work()
    turns = Turns(seconds=work.now)
    gate = asyncio.Event()
    cleaned: list[bool] = []

    async def request() -> None:
        try:
            await gate.wait()
        finally:
            cleaned.append(True)

    task = asyncio.create_task(_run(turns, LIGHT, request()))
    await _next_round()
    if waits_for_turn:
        gate.set()
        turns.charge(LIGHT, 1.0)
        await asyncio.sleep(0)
        assert not cleaned
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cleaned == [True]
    assert await asyncio.wait_for(_run(turns, HEAVY, work.request(HEAVY, 2, 0.1)), 30) == HEAVY


async def test_an_error_comes_out_of_the_work() -> None:
    """What the work raises, whoever awaits it meets; what its waits raise, the work meets."""

    async def fails() -> None:
        with pytest.raises(LookupError):
            await _broken()
        raise ValueError("its own")

    with pytest.raises(ValueError, match="its own"):
        await _run(Turns(), LIGHT, fails())


async def _next_round() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def _broken() -> None:
    broken = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(broken.set_exception, LookupError())
    await broken


async def _run(turns: Turns, caller: str, work: Coroutine[Any, Any, T]) -> T:
    return await Steps(turns, caller, work)
