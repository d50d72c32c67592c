"""Health: a loop that makes no progress is seen, an idle one is not, and all who show it say the same."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.health import (
    BOUND_SECONDS,
    HUNG_SECONDS,
    LOOPS,
    ROLES,
    Backlog,
    FaultKind,
    HealthFault,
    LoopReport,
    ProcessReport,
    UnreadTopic,
    judge,
    judge_roles,
)
from hub.domain.health_words import LOOPS_IN_DUTCH, explain_fault, next_step
from hub.domain.says import Language
from hub.errors import ChoreEnded, Unavailable
from hub.kafka.group_lag import GroupLag
from hub.processes.loops import Loops
from hub.processes.probe import answer_to
from hub.processes.running import run_until_set
from hub.processes.unread import UnreadAge

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class HandClock:
    """A clock that a test moves by hand."""

    at: float = 100.0
    loops: Loops = field(init=False)

    def __post_init__(self) -> None:
        """Make loops that read this clock."""
        self.loops = Loops(lambda: self.at)

    def only(self, name: str) -> LoopReport:
        """Return the report of a loop."""
        return next(each for each in self.loops.reports() if each.name == name)


def test_a_loop_that_no_longer_moves_is_late_and_then_hangs() -> None:
    """Failed turns show that it turns; only turns that end well are progress."""
    clock = HandClock()
    clock.loops.moved("plan.sweep")
    assert not clock.only("plan.sweep").is_late
    clock.at += BOUND_SECONDS + 1
    clock.loops.failed("plan.sweep", "the database is away")
    failing = clock.only("plan.sweep")
    assert (failing.is_late, failing.is_hung, failing.error) == (True, False, "the database is away")
    clock.at += HUNG_SECONDS + 1
    assert clock.only("plan.sweep").is_hung
    clock.loops.moved("plan.sweep")
    assert clock.only("plan.sweep") == LoopReport(name="plan.sweep", moved=0.0, turned=0.0)


def test_a_publisher_may_fail_while_nothing_waits() -> None:
    """A broker that is away is no fault of a relay without events; with one that waits it is."""
    clock = HandClock()
    clock.loops.moved("produce.relay")
    for _ in range(10):
        clock.at += 10
        clock.loops.failed("produce.relay", "refused")
    assert not clock.only("produce.relay").is_late
    clock.loops.waits("produce.relay")
    for _ in range(3):
        clock.at += 10
        clock.loops.failed("produce.relay", "refused")
    assert clock.only("produce.relay").is_late
    clock.loops.worked("produce.relay")
    assert (clock.only("produce.relay").is_late, clock.only("produce.relay").worked) == (False, 0.0)


def test_a_loop_of_events_is_late_only_while_it_works() -> None:
    """Idle for an hour is no fault; a batch that cannot be written is, also when another one can."""
    clock = HandClock()
    with clock.loops.working("forward.complete"):
        clock.at += 1
    clock.at += 3600
    assert (clock.only("forward.complete").moved, clock.only("forward.complete").turned) == (0.0, 0.0)
    with clock.loops.working("forward.complete"):
        clock.at += BOUND_SECONDS + 1
        with clock.loops.working("forward.complete"):
            pass
        assert clock.only("forward.complete").is_late
    assert not clock.only("forward.complete").is_late


def test_a_role_that_ends_is_forgotten() -> None:
    """Its loops are not late for ever."""
    clock = HandClock()
    clock.loops.moved("plan.sweep")
    clock.loops.moved("reports.read")
    clock.loops.forget("plan")
    assert [each.name for each in clock.loops.reports()] == ["reports.read"]
    assert clock.loops.reports("plan") == []


def process(role: str, *loops: LoopReport) -> ProcessReport:
    """Make a process with these loops."""
    return ProcessReport(role=role, host="here", pid=7, loops=loops)


TURNS = LoopReport(name="plan.sweep", moved=0, turned=0)
READS = LoopReport(name="reports.read", moved=0.2, turned=0.2, worked=40.0)
UNREAD = UnreadTopic(role="reports", topic="duo.reports.v1", records=3, oldest_seconds=21.0)


@pytest.mark.parametrize(
    ("role", "processes", "backlog", "kinds"),
    [
        ("plan", [], Backlog(), [FaultKind.NONE_AT_WORK]),
        ("plan", [process("plan")], Backlog(), []),
        ("plan", [process("plan", LoopReport(name="plan.sweep", moved=21, turned=21))], Backlog(), ["loop_late"]),
        ("plan", [process("plan", LoopReport(name="plan.sweep", moved=19, turned=19))], Backlog(), []),
        ("plan", [process("plan", TURNS)], Backlog(unplanned=21), ["nothing_done"]),
        ("plan", [process("plan", replace(TURNS, worked=1))], Backlog(unplanned=90), []),
        ("reports", [process("reports", READS)], Backlog(unread=[UNREAD]), ["nothing_done"]),
        ("plan", [process("plan")], Backlog(unread=[UNREAD]), []),
        ("forward", [process("forward", TURNS)], Backlog(due=21), ["nothing_done"]),
        ("produce", [process("produce")], Backlog(unpublished=21), ["nothing_done"]),
        ("produce", [process("produce")], Backlog(unpublished=19, due=90), []),
    ],
)  # fmt: skip
def test_what_makes_a_role_unwell(
    role: str, processes: Sequence[ProcessReport], backlog: Backlog, kinds: Sequence[str]
) -> None:
    """No process, a loop without progress, or something that waits while nobody of the role does anything."""
    health = judge(role, processes, backlog)
    assert [fault.kind for fault in health.faults] == kinds
    assert health.is_well == (not kinds)


def test_one_stuck_process_of_two_is_seen() -> None:
    """The other one hides nothing, and the fault names the process and its loop."""
    stuck = process("plan", LoopReport(name="plan.jobs", moved=50, turned=1, error="lock timeout"))
    well = process("plan", LoopReport(name="plan.jobs", moved=0, turned=0, worked=0))
    (found,) = [each for each in judge_roles([well, stuck], Backlog()) if each.role == "plan"]
    assert found.at_work == 2
    assert list(found.faults) == [
        HealthFault(
            kind=FaultKind.LOOP_LATE, seconds=50, loop="plan.jobs", process="here 7", error="lock timeout"
        )
    ]  # fmt: skip


@given(st.floats(0, 1000), st.floats(0, 1000), st.sampled_from(sorted(LOOPS)))
def test_a_silent_process_ages(moved: float, silent: float, name: str) -> None:
    """Its loops are at least as old as its silence, unless they have nothing to do."""
    aged = LoopReport(name=name, moved=moved, turned=0.0, worked=1.0).aged(silent)
    assert aged.moved in {moved + silent, 0.0}
    assert aged.worked == 1.0 + silent


def test_every_fault_has_words_in_both_languages() -> None:
    """For each role and loop a sentence comes out that ends, and says what to do."""
    assert {name.partition(".")[2] for name in LOOPS if not name.startswith("serve.")} == set(LOOPS_IN_DUTCH)
    for role in ROLES:
        names = [name for name in LOOPS if name.startswith(f"{role}.")]
        faults = [
            HealthFault(kind=FaultKind.NONE_AT_WORK),
            HealthFault(kind=FaultKind.NOTHING_DONE, seconds=33),
            *(HealthFault(kind=FaultKind.LOOP_LATE, seconds=33, loop=n, process="a 1", error="x") for n in names),
        ]
        for fault in faults:
            assert ROLES[role] in next_step(role, fault)
            for language in Language:
                words = explain_fault(role, fault, language)
                assert words.endswith(".")
                assert "None" not in words


LATE = LoopReport(name="plan.read", moved=40, turned=1)
HUNG = LoopReport(name="plan.sweep", moved=200, turned=200)


@pytest.mark.parametrize(
    ("request_line", "reports", "status", "body"),
    [
        ("GET /health/live", [], 200, {"status": "ok"}),
        ("GET /health/ready", [], 503, {"status": "starting"}),
        ("GET /health/ready", [READS], 200, {"status": "ok"}),
        ("GET /health/live", [LATE], 200, {"status": "ok"}),
        ("GET /health/ready", [LATE], 503, {"status": "stuck", "loops": ["plan.read"]}),
        ("GET /health/live", [LATE, HUNG], 503, {"status": "stuck", "loops": ["plan.sweep"]}),
        ("GET /health/ready?x=1", [LATE, HUNG], 503, {"status": "stuck", "loops": ["plan.read", "plan.sweep"]}),
        ("GET /metrics", [], 404, {"status": "not found"}),
        ("POST /health/live", [], 405, {"status": "not allowed"}),
        ("HEAD /health/live", [], 200, None),
        ("\xff\x00", [], 404, {"status": "not found"}),
    ],
)
def test_a_probe_says_which_loop_is_stuck(
    request_line: str, reports: Sequence[LoopReport], status: int, body: dict[str, Any] | None
) -> None:
    """Live is red for a loop that hangs, ready for one without progress; nothing but names is told."""
    head, _, rest = answer_to(f"{request_line} HTTP/1.1\r\n\r\n".encode("latin-1"), reports).partition(b"\r\n\r\n")
    assert int(head.split(b" ")[1]) == status
    assert (orjson.loads(rest) if rest else None) == body


async def _ends() -> None:
    return


async def _fails() -> None:
    raise ZeroDivisionError("a fault of ours")


async def _refuses() -> None:
    raise Unavailable("the broker is away")


async def _never() -> None:
    await asyncio.get_running_loop().create_future()


async def test_a_chore_that_ends_ends_its_process_with_a_sentence() -> None:
    """By itself, by a fault of ours, or by a known error; not when the process is stopped."""
    stop = asyncio.Event()
    with pytest.raises(ChoreEnded, match="_ends ended by itself, so this process ends"):
        await run_until_set(stop, _never(), _ends())
    with pytest.raises(ChoreEnded, match="_fails failed, so this process ends: ZeroDivisionError: a fault of ours"):
        await run_until_set(stop, _never(), _fails())
    with pytest.raises(Unavailable, match="the broker is away"):
        await run_until_set(stop, _never(), _refuses())
    stop.set()
    await run_until_set(stop, _never(), _ends())


def test_the_age_of_what_is_unread_survives_odd_clocks_of_writers() -> None:
    """By the writer's clock; since it was first seen when that shows no believable moment."""
    clock = HandClock()
    age = UnreadAge(lambda: clock.at)
    assert age.of(GroupLag(records=0)) is None
    assert age.of(GroupLag(records=2, oldest_seconds=600.0)) == 600.0
    clock.at += 5
    assert age.of(GroupLag(records=2, oldest_seconds=None)) == 5.0
    assert age.of(GroupLag(records=2, oldest_seconds=1.7e9)) == 5.0
    assert age.of(GroupLag(records=0)) is None
    clock.at += 5
    assert age.of(GroupLag(records=1, oldest_seconds=None)) == 0.0
