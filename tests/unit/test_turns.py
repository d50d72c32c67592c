"""Callers share the loop step by step, so that nobody waits for all that another one has begun."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from hub.api.turns import (
    AWAITED_SECONDS,
    CREDIT_SECONDS,
    LEAD_SECONDS,
    LOOK_UP_SECONDS,
    REMEMBERED,
    JointAnswer,
    Steps,
    Turns,
)

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


async def test_work_while_nobody_else_was_there_is_not_held_against_a_caller() -> None:
    """Whoever comes counts hardly less than one that worked alone, and those who left are not remembered for long."""
    turns = Turns(seconds=lambda: 0.0)
    for n in range(3 * REMEMBERED):
        caller = HEAVY if n < REMEMBERED else f"{n}"
        turns.enter(caller)
        turns.charge(caller, 0.01)
        turns.leave(caller)
        if n == REMEMBERED:
            assert turns.used(HEAVY) - turns.used(LIGHT) <= CREDIT_SECONDS + 1e-9
    for n in range(3 * REMEMBERED):
        turns.enter(f"{n} with much")
        turns.charge(f"{n} with much", 0.05)
        turns.leave(f"{n} with much")
    assert len(turns) <= REMEMBERED


async def test_many_requests_at_once_count_as_many_times() -> None:
    """A caller with four requests in progress pays four times for a step, but is never far ahead of the others."""
    turns = Turns(seconds=lambda: 0.0)
    for caller in (LIGHT, *[HEAVY] * 4):
        turns.enter(caller)
        turns.charge(caller, 0.0)
    before = turns.used(LIGHT), turns.used(HEAVY)
    turns.charge(LIGHT, 0.001)
    turns.charge(HEAVY, 0.001)
    assert turns.used(LIGHT) - before[0] == pytest.approx(0.001)
    assert turns.used(HEAVY) - before[1] == pytest.approx(0.004)
    turns.charge(HEAVY, 60.0)
    assert turns.used(HEAVY) - turns.used(LIGHT) <= LEAD_SECONDS


async def test_who_used_more_waits_while_another_looks_up() -> None:
    """While a request waits for the database, one of a caller that used more makes no step; then it goes on."""
    work = Work()
    turns = Turns(seconds=work.now, clock=lambda: 0.0)
    found = asyncio.Event()
    heavy, light = await _beside(turns, work, found)
    await _next_round()
    ran = len(work.ran)
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(work.ran) == ran
    found.set()
    await light
    await heavy
    assert work.ran[-1] == HEAVY


async def test_nobody_is_waited_for_long() -> None:
    """Who used more goes on when the look-up of another takes its time, and that counts as use of the other."""
    work = Work()
    moments = [0.0]
    turns = Turns(seconds=work.now, clock=lambda: moments[-1])
    found = asyncio.Event()
    heavy, light = await _beside(turns, work, found)
    more = [asyncio.create_task(_run(turns, HEAVY, work.request(HEAVY, 50, 0.01))) for _ in range(3)]
    await _next_round()
    ran, before = len(work.ran), turns.used(LIGHT)
    moments.append(1.0)
    while len(work.ran) == ran:
        await asyncio.sleep(0)
    found.set()
    await light
    assert turns.used(LIGHT) - before >= AWAITED_SECONDS - LOOK_UP_SECONDS
    await asyncio.gather(heavy, *more)


async def test_nobody_waits_for_what_a_caller_still_has_to_send() -> None:
    """A request that waits for its caller delays none of those that used more."""
    work = Work()
    turns = Turns(seconds=work.now, clock=lambda: 0.0)
    sent = asyncio.Event()
    heavy, light = await _beside(turns, work, sent, is_with_caller=True)
    await heavy
    sent.set()
    await light


async def test_nobody_waits_for_an_answer_that_others_share() -> None:
    """A request that waits while it is worked on together with others delays none of those that used more."""
    work = Work()
    turns = Turns(seconds=work.now, clock=lambda: 0.0)
    answer: JointAnswer[None] = JointAnswer()
    heavy, light = await _beside(turns, work, answer)
    await heavy
    answer.set_result(None)
    await light


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


async def _beside(
    turns: Turns, work: Work, found: asyncio.Event | JointAnswer[None], *, is_with_caller: bool = False
) -> tuple[asyncio.Task[str], asyncio.Task[None]]:
    """Begin much work of one caller, and beside it a request of another that waits for what it looks up."""

    async def look_up() -> None:
        steps.is_with_caller = is_with_caller
        await (found if isinstance(found, JointAnswer) else found.wait())

    heavy = asyncio.create_task(_run(turns, HEAVY, work.request(HEAVY, 50, 0.01)))
    while len(work.ran) < 10:
        await asyncio.sleep(0)
    steps = Steps(turns, LIGHT, look_up())

    async def run() -> None:
        await steps

    return heavy, asyncio.create_task(run())


async def _next_round() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def _broken() -> None:
    broken = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(broken.set_exception, LookupError())
    await broken


async def _run(turns: Turns, caller: str, work: Coroutine[Any, Any, T]) -> T:
    return await Steps(turns, caller, work)
