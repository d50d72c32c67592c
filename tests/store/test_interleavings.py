"""Interleavings of planners, forwarders and sweeps on real Postgres."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import asyncpg
import orjson
import pytest

from hub import plan, settle
from hub.domain.delivery import IN_LANE, Delivered
from hub.domain.ids import new_id
from hub.domain.keys import DeliveryKey
from hub.settle import LaneResult
from hub.store import lanes, processes
from hub.store.lanes import LaneUpdate, SucceededAttempt
from tests.support import chance
from tests.support.interleaving.interleaver import Interleaver, Schedule, SteppedConnection
from tests.support.lanes.lane_steps import A_SLOW_DAY
from tests.support.register.schools import BuiltSchool, add_schools

if TYPE_CHECKING:
    from hub.store.lanes import Lease, QueuedDelivery

pytestmark = pytest.mark.proof
SCHEDULES = 600 * chance.TIMES
EVENTS = 2
ROUNDS = 2
NAMES = ("plan 1", "plan 2", "forward 1", "forward 2", "sweep")
BRIN, SUPPLIER = "18DS", "00000099000000001000"


class Receiver:
    """DUO's queue: records messages in order of arrival."""

    def __init__(self) -> None:
        self.arrivals: list[tuple[str, int]] = []

    def first_arrivals(self) -> list[int]:
        """Give the lane numbers in the order in which each was first seen."""
        return list(dict.fromkeys(sequence for _, sequence in self.arrivals))


class World:
    """A school with a mandate, unplanned events, and the processes that handle them."""

    def __init__(self, watcher: asyncpg.Connection[Any]) -> None:
        self.watcher = watcher
        self.receiver = Receiver()
        self.owners: dict[str, int] = {}

    async def furnish(self) -> None:
        """Put the register and the log in place, once."""
        c = self.watcher
        await add_schools(c, BuiltSchool(brin=BRIN, counter=EVENTS, branches={}))
        await c.execute("insert into systems values ($1, 'LAS', '{RIO}')", SUPPLIER)
        at, mandate = datetime.now(UTC), new_id(datetime.now(UTC))
        await c.execute(
            """insert into mandates (id, brin, service_code, supplier_oin, start_date, units, created_at, updated_at)
               values ($1, $2, 'RIO', $3, current_date, '[]', $4, $4)""", mandate, BRIN, SUPPLIER, at)  # fmt: skip
        for number in range(1, EVENTS + 1):
            kind = "granted" if number == 1 else "amended"
            units = orjson.dumps([{"branch": "", "type": kind, "routing": None, "covers": ["18DS00"]}]).decode()
            await c.execute(
                """insert into events (brin, number, recorded_at, id, mandate_id, mandate_version, type, units, body)
                   values ($1, $2::bigint, $3, $4, $5, $2::bigint::integer, $6::text::event_type,
                           $7::text::jsonb, '{}')""",
                BRIN, number, at, new_id(at), mandate, kind, units)  # fmt: skip

    async def reset(self) -> None:
        """Forget all that was planned and sent."""
        await self.watcher.execute(
            "delete from deliveries; delete from lanes; delete from planning_progress; delete from tallies;"
            "delete from change_outbox; delete from attempts; delete from processes"
        )
        self.receiver = Receiver()
        self.owners = {
            name: (await processes.enter(self.watcher, "forward")).process
            for name in ("forward 1", "forward 2", "last")
        }

    async def planner(self, c: SteppedConnection) -> None:
        """Plan what rang."""
        async with c.transaction():
            await plan.plan(c, {BRIN: None}, datetime.now(UTC), 1)  # type: ignore[arg-type]

    async def forward(self, c: Any, owner: int) -> bool:
        """Take a turn with whatever is due: lease, read, send, settle."""
        taken = await lanes.take(c, owner, dict.fromkeys((1, 2, 3), 10), 10)
        for lease, deliveries in taken.items():
            await settle.complete(c, owner, [await self._turn(c, lease, deliveries)], datetime.now(UTC))
        return bool(taken)

    async def _turn(self, c: Any, lease: Lease, deliveries: list[QueuedDelivery]) -> LaneResult:
        head, succeeded = lease.head, []
        for delivery in deliveries:
            assert delivery.status in IN_LANE
            if isinstance(c, SteppedConnection):
                await c.step(f"send {delivery.message.sequence}")
            self.receiver.arrivals.append((str(delivery.message.id), delivery.message.sequence))
            head = delivery.message.sequence
            outcome = Delivered(at=datetime.now(UTC), partition=0, offset=head)
            key = DeliveryKey(lease.destination, lease.brin, head)
            succeeded.append(
                SucceededAttempt(
                    key=key,
                    before=delivery.status,
                    outcome=outcome,
                    expects_report=delivery.expects_report,
                    planned_at=delivery.planned_at,
                )
            )
        return LaneResult(
            update=LaneUpdate(lease=lease, head=head, sent=head, closed=lease.closed, wait=0.0), succeeded=succeeded
        )

    def scripts(self, paused: str | None) -> dict[str, Any]:
        """Name who takes part; `paused` is a forwarder that the sweep declares dead while it still runs."""

        def forwarder(name: str) -> Any:
            async def script(c: SteppedConnection) -> None:
                for _ in range(ROUNDS):
                    await self.forward(c, self.owners[name])

            return script

        async def sweep(c: SteppedConnection) -> None:
            if paused is not None:
                await c.execute("update processes set heartbeat_at = '-infinity' where id = $1", self.owners[paused])
            async with c.transaction():
                await processes.rescue_lanes(c, A_SLOW_DAY)  # type: ignore[arg-type]

        return {
            "plan 1": self.planner, "plan 2": self.planner, "forward 1": forwarder("forward 1"),
            "forward 2": forwarder("forward 2"), "sweep": sweep,
        }  # fmt: skip

    async def recover(self, crashed: str | None) -> None:
        """Do what the living do after a crash: the sweeps, and one more forwarder until nothing is due."""
        async with self.watcher.transaction():
            await plan.plan(self.watcher, {BRIN: None}, datetime.now(UTC), 1)
        if crashed in self.owners:
            await self.watcher.execute(
                "update processes set heartbeat_at = '-infinity' where id = $1", self.owners[crashed]
            )
        await processes.rescue_lanes(self.watcher, A_SLOW_DAY)
        assert await lanes.repair_stranded(self.watcher) == []
        while await self.forward(self.watcher, self.owners["last"]):
            pass

    async def check(self, schedule: Schedule) -> None:
        """Hold the outcome to the promises."""
        rows = await self.watcher.fetch("select * from deliveries order by sequence")
        assert [r["sequence"] for r in rows] == list(range(1, EVENTS + 1)), schedule
        assert [r["event_number"] for r in rows] == list(range(1, EVENTS + 1)), schedule
        assert {r["status"] for r in rows} == {"delivered"}, schedule
        lane = await self.watcher.fetchrow("select * from lanes")
        assert lane is not None
        assert (lane["head"], lane["tail"], lane["sent"], lane["owner"]) == (EVENTS, EVENTS, EVENTS, None), schedule
        assert self.receiver.first_arrivals() == list(range(1, EVENTS + 1)), schedule
        assert len({i for i, _ in self.receiver.arrivals}) == EVENTS, schedule
        tallies: Counter[str] = Counter()
        for r in await self.watcher.fetch("select status::text, n from tallies"):
            tallies[r["status"]] += r["n"]
        assert +tallies == Counter({"delivered": EVENTS}), schedule


@pytest.mark.timeout(1800)
async def test_no_interleaving_loses_repeats_or_reorders(database: str) -> None:
    """No interleaving with at most one crash or pause loses, duplicates or reorders a delivery."""
    seed = chance.seed()
    watcher = await asyncpg.connect(database)
    world = World(watcher)
    await world.furnish()
    began, crashes = time.monotonic(), 0
    for schedule in range(seed, seed + SCHEDULES):
        await world.reset()
        interleaver = Interleaver(watcher, schedule)
        paused = (None, "forward 1", "forward 2")[schedule % 3]
        await _run(interleaver, world, database, paused)
        await world.recover(interleaver.crashed)
        await world.check(interleaver.schedule)
        crashes += interleaver.crashed is not None
    await watcher.close()
    print(f"\n{SCHEDULES} schedules from seed {seed}, {crashes} with a crash, in {time.monotonic() - began:.0f} s")
    assert crashes > 0


async def _run(interleaver: Interleaver, world: World, database: str, paused: str | None) -> None:
    connections = {name: CONNECTIONS.get(name) for name in NAMES}
    for name, connection in connections.items():
        if connection is None or connection.is_closed():
            CONNECTIONS[name] = connections[name] = await asyncpg.connect(database, server_settings={"jit": "off"})
    await interleaver.run(world.scripts(paused), connections)  # type: ignore[arg-type]


CONNECTIONS: dict[str, asyncpg.Connection[Any]] = {}
