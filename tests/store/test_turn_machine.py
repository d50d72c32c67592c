"""Any answers in any order: turns, circuits and probes come on real PostgreSQL to what the promises say."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

import asyncpg
import hypothesis.strategies as st
import pytest
from hypothesis.stateful import initialize, invariant, precondition, rule

from consumers.forwarding import destination, dispatcher, lane_progress
from consumers.forwarding.destinations import Destinations
from consumers.forwarding.dispatcher import Dispatcher, OpenRequests
from consumers.forwarding.lane_progress import LaneProgress
from consumers.forwarding.webhooks import Endpoint
from hub import plan, settle
from hub.clock import LedgerClock
from hub.domain import retry
from hub.domain.circuit import CircuitPolicy
from hub.domain.ids import new_id
from hub.domain.receiver import Receiver as Webhook
from hub.envelopes import envelope_defaults
from hub.observe.books import check_ledger
from hub.outbound import Answered, Unreachable
from hub.outbound.webhook import WebhookSender
from hub.store import lanes, processes
from hub.store.pool import open_pool
from schemas.identifiers import Oin
from schemas.kinds import DeliveryStatus as Status
from schemas.kinds import ReportStatus
from tests.support.lanes.lane_steps import FORGET, report_on
from tests.support.lanes.ledgers import SUPPLIER, make_register, record_events
from tests.support.lanes.machines import LedgerMachine, try_out
from tests.support.lanes.progress_model import Receiver

if TYPE_CHECKING:
    from consumers.forwarding.queues import Queues
    from consumers.forwarding.webhooks import Webhooks
    from hub.outbound import Answer, Outbound
    from hub.processes.heartbeat import Heartbeat
    from hub.store.pool import Pool

BRINS: Final = ("00AA", "01AA", "02AA")
FUSE, ABSENCES, LETTERS, MOST = 8, 2, 3, 6
EXAMPLES, STEPS = 30, 40
HOUR: Final = 3600
NOON: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
SUBSCRIBE: Final = """
insert into subscriptions (id, supplier_oin, url, services, types, processing_results, reports, created_at, updated_at)
values ($1, $2, 'https://las.example/', '{VVA}', '{nl.osr.*}', false, true, now(), now())"""
LANES: Final = """
select brin, head, case when due <= clock_timestamp() then 'now' when due is not null then 'later' end as due,
       coalesce(counts_from > clock_timestamp(), false) and head < tail as early, owner
  from lanes order by brin"""
MESSAGES: Final = """
select brin, status::text as status, attempts, coalesce(refusals, 0) as refusals, reason, expects_report
  from deliveries order by brin, sequence"""
PASS: Final = """
update lanes set due = case when due is not null then clock_timestamp() end, counts_from = null"""
mixed = st.lists(st.sampled_from(["ok", "ok", "absent", "refused", "refused"]), min_size=9, max_size=9)
answers = st.one_of(mixed, *(st.just([one] * 9) for one in ("ok", "absent", "refused", "refused")))


class Script:
    """Receivers without a network: they answer as they are told."""

    def __init__(self) -> None:
        self.left: list[str] = []

    async def post(self, _url: object, _headers: object, _body: object, *, identity: object) -> Answer:  # noqa: ARG002 - the client's
        """Give the next answer."""
        match self.left.pop(0):
            case "ok":
                return Answered(status=200, duration_ms=0)
            case "refused":
                return Answered(status=400, duration_ms=0)
            case _:
                return Unreachable(error="nobody", duration_ms=0)


class BeatingHeart:
    """A heartbeat that is never late."""

    is_late = False
    incarnation = 0


class Machine(LedgerMachine):
    """A forwarder with its own destinations, dispatcher and lanes; a receiver; a planner; and time."""

    pool: Pool
    las: int

    @initialize()
    def begin(self) -> None:
        """Start with three schools that have something to tell."""
        self.do(self.c.execute(FORGET))
        self.do(self.c.execute("update destinations set accepted_at = null; update subscriptions set reports = true"))
        self.model, self.batches, self.expects, self.moment = Receiver(BRINS, FUSE, ABSENCES), 0, True, 0
        self.owner = self.do(processes.enter(self.c, "forward")).process
        self.destinations, self.script = Destinations(self.pool, LedgerClock()), Script()
        webhook = Webhook(subscription_id=new_id(NOON), url="https://las.example/", secrets=())
        self.endpoints = {
            self.las: Endpoint(
                receiver=webhook, sender=WebhookSender(origin="hub.example"), retry_schedule=(HOUR,) * ABSENCES
            )
        }
        self.dispatcher = Dispatcher(
            defaults=envelope_defaults(Oin(SUPPLIER), "https://hub.example/", 1),
            destinations=self.destinations,
            heartbeat=cast("Heartbeat", BeatingHeart()),
            queues=cast("Queues", None),
            webhooks=cast("Webhooks", None),
            outbound=cast("Outbound", self.script),
            requests=OpenRequests(1.0),
        )
        self.do(self.destinations.refresh(self.endpoints))
        self.plan(1)

    @precondition(lambda self: max(len(lane.messages) for lane in self.model.lanes.values()) < MOST)
    @rule(n=st.integers(1, 2))
    def plan(self, n: int) -> None:
        """All schools change, and it is planned one school after the other."""
        self.do(record_events(self.c, n, body=1))
        for brin in BRINS:
            self.do(self._plan(brin))
            self.batches += 1
            self.model.plan(brin, n, self.batches, expects=self.expects)

    async def _plan(self, brin: str) -> None:
        async with self.c.transaction():
            await plan.plan(self.c, {brin: None}, datetime.now(UTC), 0)

    @rule(expects=st.booleans())
    def change_mind(self, expects: bool) -> None:  # noqa: FBT001 - drawn
        """The receiver says that it will report, or that it never does."""
        self.do(self.c.execute("update subscriptions set reports = $1", expects))
        self.expects = expects

    @rule(told=answers, in_time=st.booleans())
    def send(self, told: list[str], in_time: bool) -> None:  # noqa: FBT001 - drawn
        """All that is due has its turn; nothing has while the circuit is open, and one lane while it is tried."""
        if in_time:
            self.pass_time()
        due = [brin for brin, lane in self.model.lanes.items() if lane.due == "now"]
        leased = self._send(told)
        match self.model.circuit:
            case "closed":
                assert sorted(leased) == due
            case "open":
                assert leased == []
            case _:
                assert len(leased) == min(1, len(due))
                assert set(leased) <= set(due)
        self._follow(leased, told)

    @precondition(lambda self: self.model.circuit != "closed")
    @rule(told=answers)
    def probe(self, told: list[str]) -> None:
        """The moment of a probe comes: one lane goes, due or not, and it is the one that promises most."""
        self.do(self.c.execute("update destinations set probe_at = clock_timestamp() where id = $1", self.las))
        best = self.model.probes()
        self.do(self.destinations.refresh(self.endpoints))
        self.model.circuit = "half_open"
        leased = self._send(told)
        waiting = {brin for brin, lane in self.model.lanes.items() if lane.due}
        assert len(leased) == min(1, len(waiting))
        if self.model.openings % 4:
            assert set(leased) <= (best or waiting)
        for brin in leased:
            self.model.lanes[brin].early |= self.model.lanes[brin].due == "later"
        self._follow(leased, told)

    def _send(self, told: list[str]) -> list[str]:
        self.script.left = list(told)
        return list(self.do(self._round()))

    async def _round(self) -> list[str]:
        """Lease, carry and settle as the forwarder does, one lane after the other."""
        permits = {k: n for k, n in self.destinations.permits().items() if k == self.las}
        taken = await lanes.take(self.c, self.owner, permits, LETTERS) if permits else {}
        there = self.destinations[self.las]
        turns = [LaneProgress(lease=lease, destination=there, is_probe=not there.is_circuit_closed) for lease in taken]
        there.in_flight += len(turns)
        for each in turns:
            await self.dispatcher.to_webhook(each, taken[each.lease])
        if turns:
            runs = [each.result() for each in turns]
            done = await settle.complete(self.c, self.owner, runs, datetime.now(UTC))
            assert done.lanes == len(turns)
        there.in_flight -= len(turns)
        return [lease.brin for lease in taken]

    def _follow(self, leased: list[str], told: list[str]) -> None:
        is_probe, self.model.in_hand = self.model.circuit != "closed", set(leased)
        answer = iter(told)
        for brin in leased:
            self.model.turn(brin, answer, LETTERS, is_probe=is_probe)  # type: ignore[arg-type]
        self.model.in_hand = set()

    @rule()
    def pass_time(self) -> None:
        """An hour goes by, and another: all moments by the schedule have come."""
        self.do(self.c.execute(PASS))
        self.model.let_time_pass()

    @rule(brin=st.sampled_from(BRINS), n=st.integers(1, MOST), status=st.sampled_from(["activated", "declined"]))
    def report(self, brin: str, n: int, status: str) -> None:
        """The receiver says what it did, also before the forwarder heard that it has it, or though it never does."""
        if n > len(self.model.lanes[brin].messages):
            return
        self.moment += 1
        said = report_on(self.c, brin, n, ReportStatus(status), NOON + timedelta(minutes=self.moment))
        assert self.do(said) == self.model.report(brin, n, Status(status), self.moment)

    @invariant()
    def is_what_the_promises_say(self) -> None:
        """Every message, every lane and the circuit stand where the model has them."""
        assert (
            self.do(self.c.fetchval("select circuit from destinations where id = $1", self.las)) == self.model.circuit
        )
        assert [tuple(row) for row in self.do(self.c.fetch(MESSAGES))] == [
            (brin, m.status.value, m.attempts, m.refusals, m.reason, m.expects)
            for brin, lane in self.model.lanes.items()
            for m in lane.messages
        ]
        assert [tuple(row) for row in self.do(self.c.fetch(LANES))] == [
            (brin, lane.head, lane.due, lane.early and lane.waits, None) for brin, lane in self.model.lanes.items()
        ]

    def teardown(self) -> None:
        """In the end the books are right."""
        if hasattr(self, "model"):
            assert self.do(check_ledger(self.c, datetime.now(UTC))).violations == []


@pytest.mark.timeout(3000)
def test_any_answers_in_any_order_keep_every_promise(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal has three tries and is dead only where others were taken; an open circuit burns nothing."""
    monkeypatch.setattr(destination, "WEBHOOK", CircuitPolicy(FUSE, (float(HOUR),)))
    monkeypatch.setattr(dispatcher, "LANE_SECONDS", float(HOUR))  # a slow machine must not end a turn
    monkeypatch.setattr(lane_progress, "CIRCUIT_OPEN_SECONDS", float(HOUR))
    monkeypatch.setattr(retry, "REFUSALS", (HOUR, HOUR))
    with asyncio.Runner() as runner:
        Machine.runner = runner
        Machine.c = runner.run(asyncpg.connect(database, server_settings={"jit": "off"}))
        Machine.pool = runner.run(open_pool(database, name="test"))
        runner.run(make_register(Machine.c, len(BRINS), service="VVA"))
        runner.run(Machine.c.execute(SUBSCRIBE, new_id(NOON), SUPPLIER))
        Machine.las = runner.run(Machine.c.fetchval("select id from destinations where kind = 'las'"))
        try:
            try_out(Machine, EXAMPLES, STEPS)
        finally:
            runner.run(Machine.pool.close())
            runner.run(Machine.c.close())
