"""Any steps in any order: lanes, leases and statuses are on real PostgreSQL what the promises say they are."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg
import hypothesis.strategies as st
import pytest
from hypothesis.stateful import initialize, invariant, precondition, rule

from hub import plan, settle
from hub.access import Actor
from hub.domain.circuit import CircuitOpened
from hub.observe.books import check_ledger
from hub.operations import controls
from hub.store import destinations, lanes, processes
from schemas.kinds import DeliveryStatus as Status
from schemas.kinds import ReportStatus
from tests.support.lanes.lane_model import WAITS, Lane
from tests.support.lanes.lane_steps import (
    FORGET,
    LANES,
    LaneSteps,
    cancel_one,
    close_circuit,
    report_on,
    rescue_lanes,
    result_of,
)
from tests.support.lanes.ledgers import make_register, record_events
from tests.support.lanes.machines import LedgerMachine, try_out
from tests.support.operators import operator

BRINS: Final = ("00AA", "01AA")
RIO: Final = "duo:rio"
MOST: Final = 3
EXAMPLES, STEPS = 80, 50
NOON: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
brins = st.sampled_from(BRINS)
forwarders = st.integers(0, 2)
numbers = st.integers(1, 6)


class Machine(LedgerMachine):
    """Planners, three forwarders, DUO, a person and the sweeps, one step at a time."""

    rio: int

    @initialize()
    def begin(self) -> None:
        """Start with two schools that have something to tell, and three forwarders."""
        self.model = {brin: Lane() for brin in BRINS}
        self.unplanned: dict[str, int] = defaultdict(int)
        self.turns: dict[int, dict[str, LaneSteps]] = {n: {} for n in range(3)}
        self.buried: set[int] = set()
        self.silent: set[int] = set()
        self.arrived: dict[str, list[int]] = defaultdict(list)
        self.circuit = "closed"
        self.do(self.c.execute(FORGET))
        self.ids = [self.do(processes.enter(self.c, "forward")).process for _ in range(3)]
        self.change(2)
        self.plan(set(BRINS))

    @precondition(lambda self: sum(self.unplanned.values()) < MOST)
    @rule(n=st.integers(1, 2))
    def change(self, n: int) -> None:
        """All schools change."""
        self.do(record_events(self.c, n, body=1))
        for brin in BRINS:
            self.unplanned[brin] += n

    @precondition(lambda self: any(self.unplanned.values()))
    @rule(which=st.sets(brins, min_size=1))
    def plan(self, which: set[str]) -> None:
        """Bells ring, for something or for nothing."""

        async def work() -> None:
            async with self.c.transaction():
                await plan.plan(self.c, dict.fromkeys(which), datetime.now(UTC), 0)

        self.do(work())
        for brin in which:
            if self.unplanned[brin]:
                self.model[brin].plan(self.unplanned.pop(brin))

    @precondition(lambda self: any(lane.due == "now" for lane in self.model.values()))
    @rule(n=forwarders, permits=st.integers(1, 2))
    def lease(self, n: int, permits: int) -> None:
        """A forwarder takes what is due; one that was declared dead gets nothing."""
        taken = self.do(lanes.take(self.c, self.ids[n], {self.rio: permits}, MOST))
        due = [brin for brin, lane in self.model.items() if lane.due == "now"]
        assert len(taken) == (0 if n in self.buried else min(permits, len(due)))
        for lease, got in taken.items():
            assert lease.brin in due
            self.model[lease.brin].lease(n)
            first = self.model[lease.brin].head + 1
            assert [x.message.sequence for x in got] == list(range(first, first + len(got)))
            self.turns[n][lease.brin] = LaneSteps(lease, got)

    def leased(self) -> list[tuple[int, str]]:
        """List the leases that forwarders hold, or believe that they hold."""
        return [(n, brin) for n, turns in self.turns.items() for brin in turns]

    @precondition(lambda self: self.leased())
    @rule(data=st.data(), outcome=st.sampled_from(["ok", "ok", "ok", "fail", "dead"]))
    def send(self, data: st.DataObject, outcome: str) -> None:
        """A forwarder sends its next delivery; one that was silent only the one that it was about to send."""
        n, brin = data.draw(st.sampled_from(self.leased()))
        turn = self.turns[n][brin]
        if turn.ended or turn.was_late:
            return
        turn.was_late = n in self.silent
        delivery = next((x for x in turn.deliveries[len(turn.steps) :]), None)
        if delivery is None:
            turn.ended = True
        elif delivery.status not in WAITS:
            turn.steps.append((delivery, delivery.status))
        else:
            self.arrived[brin].append(delivery.message.sequence)
            status = {"ok": Status.DELIVERED, "fail": Status.RETRYING, "dead": Status.DEAD}[outcome]
            turn.steps.append((delivery, status))
            turn.ended = status is Status.RETRYING

    @precondition(lambda self: self.leased())
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        """A forwarder gives a lane back; when it is not its own any more nothing happens."""
        n, brin = data.draw(st.sampled_from(self.leased()))
        turn = self.turns[n].pop(brin)
        lane, run = self.model[brin], result_of(turn)

        is_mine = lane.owner == n and lane.token == turn.lease.token
        done = self.do(settle.complete(self.c, self.ids[n], [run], datetime.now(UTC)))
        assert done.lanes == is_mine
        if is_mine:
            steps = [(delivery.message.sequence, status) for delivery, status in turn.steps if delivery.status in WAITS]
            lane.settle(steps, run.update.head, "later" if run.update.wait else "now")

    @rule(brin=brins, number=numbers, status=st.sampled_from(list(ReportStatus)), minute=st.integers(-3, 3))
    def report(self, brin: str, number: int, status: ReportStatus, minute: int) -> None:
        """DUO reports, early, late, twice, or correcting itself."""
        lane = self.model[brin]
        if number > lane.tail:
            return
        at = NOON + timedelta(minutes=minute)

        was_news = self.do(report_on(self.c, brin, number, status, at))
        assert was_news == lane.report(number, Status(status.value), at)

    @rule(brin=brins, number=numbers)
    def cancel(self, brin: str, number: int) -> None:
        """A person cancels a message; what is being sent, or is over, is not."""
        lane = self.model[brin]
        if number > lane.tail:
            return

        assert self.do(cancel_one(self.c, brin, number)) == lane.cancel(number)

    @rule(brin=brins)
    def press(self, brin: str) -> None:
        """A person holds a school, or releases it."""
        lane = self.model[brin]
        button = controls.release if lane.held else controls.hold

        async def work() -> None:
            async with self.c.transaction():
                await button(self.c, RIO, [brin], Actor(caller=operator("test"), at=datetime.now(UTC), reason="a test"))

        self.do(work())
        (lane.hold if button is controls.hold else lane.release)()

    @precondition(lambda self: self.leased())
    @rule(data=st.data())
    def fall_silent(self, data: st.DataObject) -> None:
        """A forwarder that has leases stops beating."""
        n, _ = data.draw(st.sampled_from(self.leased()))
        self.do(self.c.execute("update processes set heartbeat_at = '-infinity' where id = $1", self.ids[n]))
        self.silent.add(n)

    @precondition(lambda self: self.silent - self.buried)
    @rule()
    def bury(self) -> None:
        """Whoever is silent is declared dead, and its lanes go on."""
        freed = [lane for lane in self.model.values() if lane.owner in self.silent - self.buried]
        assert self.do(rescue_lanes(self.c)) == len(freed)
        for lane in freed:
            lane.free()
        self.buried |= self.silent

    @precondition(lambda self: self.leased())
    @rule(data=st.data())
    def be_taken_over(self, data: st.DataObject) -> None:
        """A forwarder is declared dead, and another takes what it had, which it still believes its own."""
        self.fall_silent(data)
        if self.silent - self.buried:
            self.bury()
        living = [n for n in range(3) if n not in self.silent]
        if living and any(lane.due == "now" for lane in self.model.values()):
            self.lease(living[0], 2)

    @precondition(lambda self: self.silent)
    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        """A forwarder beats again; what it was sending when it fell silent it may not go on with."""
        n = data.draw(st.sampled_from(sorted(self.silent)))
        beat = self.do(processes.beat(self.c, self.ids[n]))
        assert (beat and beat.was_alive) == (n not in self.buried)
        if n in self.buried:
            for turn in self.turns[n].values():
                turn.ended = True
        self.silent.discard(n)
        self.buried.discard(n)

    @precondition(lambda self: self.circuit == "closed")
    @rule()
    def open_circuit(self) -> None:
        """The queue takes nothing for a while."""
        opening = CircuitOpened(
            since=datetime.now(UTC), cause="unreachable", error="nobody", probe_at=datetime.now(UTC)
        )
        assert self.do(destinations.open_circuit(self.c, self.rio, opening, "closed"))
        self.circuit = "open"

    @precondition(lambda self: self.circuit != "closed")
    @rule()
    def close_circuit(self) -> None:
        """It takes something again: all that waits is due."""
        assert self.do(close_circuit(self.c, self.rio))
        self.circuit = "closed"
        for lane in self.model.values():
            lane.wake()

    @rule()
    def sweep(self) -> None:
        """Nothing is ever stranded, except with an owner that is dead and not yet known to be."""
        assert self.do(lanes.repair_stranded(self.c)) == []

    @invariant()
    def is_what_the_promises_say(self) -> None:
        """Every lane and every delivery stands where the model has it."""
        found = {row["brin"]: row for row in self.do(self.c.fetch(LANES))}
        for brin, lane in self.model.items():
            row = found.get(brin)
            owner = None if lane.owner is None else self.ids[lane.owner]
            says = (lane.head, lane.tail, lane.sent, lane.token, owner, lane.due, lane.held)
            assert (tuple(row)[1:] if row else (0, 0, 0, 0, None, None, False)) == says, brin
        rows = self.do(self.c.fetch("select brin, sequence, status::text, reported_at from deliveries order by 1, 2"))
        assert [tuple(row) for row in rows] == [
            (brin, n, one.status.value, one.reported_at)
            for brin, lane in self.model.items()
            for n, one in enumerate(lane.deliveries, start=1)
        ]

    @invariant()
    def first_arrivals_are_in_order(self) -> None:
        """Whoever sent, and however often: nothing arrives first after a later one."""
        for arrived in self.arrived.values():
            firsts = list(dict.fromkeys(arrived))
            assert firsts == sorted(firsts)

    def teardown(self) -> None:
        """In the end the books are right."""
        if hasattr(self, "model"):
            self.do(self.c.execute("update processes set heartbeat_at = clock_timestamp()"))
            assert self.do(check_ledger(self.c, datetime.now(UTC))).violations == []


@pytest.mark.timeout(3000)
def test_any_steps_in_any_order_keep_every_promise(database: str) -> None:
    """One owner and one order per lane, each delivery in the status that follows, no lane stranded, the books right."""
    with asyncio.Runner() as runner:
        Machine.runner = runner
        Machine.c = runner.run(asyncpg.connect(database, server_settings={"jit": "off"}))
        runner.run(make_register(Machine.c, len(BRINS)))
        Machine.rio = runner.run(Machine.c.fetchval("select id from destinations where name = $1", RIO))
        try:
            try_out(Machine, EXAMPLES, STEPS)
        finally:
            runner.run(Machine.c.close())
