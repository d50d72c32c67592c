"""Real loops that stop: a deaf reader, a planner that hangs and a forwarder without leases are red, and say why.

No test waits for the bounds: the clock of the loops is moved on by hand, and records are written with an old date.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaProducer

from consumers.forwarding.destinations import Destinations
from consumers.planning.planner import Planner
from hub.clock import now
from hub.commands.doctor import processes as doctor
from hub.domain.cause import Cause
from hub.domain.health import BOUND_SECONDS, FaultKind
from hub.observe.health import read_health
from hub.observe.lag import LagReader
from hub.processes import loops
from hub.processes.heartbeat import Heartbeat
from tests.support.lanes.forwarding import forwarder, settings_for, until
from tests.support.lanes.ledger_states import take
from tests.support.lanes.many_systems import make_crowd, subscribe_all, tell
from tests.support.lanes.stuck_processes import TOPIC, has_all, is_blocked, locked, reading_reports, running
from tests.support.receivers.receiver import receiver
from tests.support.register.subscriptions import grant, make_register, plan_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.domain.health import HealthFault, RoleHealth
    from hub.store.pool import Connection, Pool

LEASE_HANGS = """select count(*) > 0 from pg_stat_activity where datname = current_database()
                  and wait_event_type = 'Lock' and query like '%from take_lanes(%'"""
MORE_THAN_THE_BOUND = BOUND_SECONDS + 5


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Move the clock of the loops on."""
    return lambda: monkeypatch.setattr(loops.here, "clock", lambda: time.monotonic() + MORE_THAN_THE_BOUND)


async def health_of(c: Connection, role: str) -> RoleHealth:
    """Return the health of a role."""
    return next(each for each in (await read_health(c)).roles if each.role == role)


async def until_red(c: Connection, role: str, kind: FaultKind, loop: str | None = None) -> HealthFault:
    """Wait until a role has this fault, and return it."""
    found: list[HealthFault] = []

    async def is_red() -> bool:
        faults: Sequence[HealthFault] = (await health_of(c, role)).faults
        found[:] = [fault for fault in faults if fault.kind is kind and fault.loop == loop]
        return bool(found)

    await until(is_red)
    return found[0]


async def _is_well(c: Connection, role: str) -> bool:
    health = await health_of(c, role)
    return health.is_well and health.at_work > 0


async def test_a_planner_that_hangs_is_red(connection: Connection, database: str, pool: Pool, later: Any) -> None:
    """Its heartbeat goes on and its sweep does not end; the fault names the loop, and ends with the sweep."""
    async with Heartbeat(pool, "plan") as heartbeat, running(Planner(pool, heartbeat).sweep()):
        await until(lambda: _is_well(connection, "plan"))
        async with locked(database, "parked_records"):
            await until(lambda: is_blocked(connection))
            later()
            fault = await until_red(connection, "plan", FaultKind.LOOP_LATE, "plan.sweep")
            assert fault.seconds > BOUND_SECONDS
            said = [str(each) for each in await doctor.check(settings_for(database)) if each.what == "plan"]
            assert any("plans what no record named" in each and "WRONG" in each for each in said), said
        await until(lambda: _is_well(connection, "plan"))
    assert [fault.kind for fault in (await health_of(connection, "plan")).faults] == [FaultKind.NONE_AT_WORK]


async def test_a_forwarder_that_cannot_lease_is_red(connection: Connection, database: str) -> None:
    """A lease hangs on a lock of the lanes, and the heartbeat on the lease: nobody may take its lanes meanwhile."""
    (oin,) = await make_crowd(connection, 1, 1)
    async with receiver() as hook:
        await subscribe_all(connection, [oin], [hook.url])
        await tell(connection, [oin], 1)
        await connection.execute("update lanes set due = clock_timestamp() + interval '20 seconds'")
        async with forwarder(settings_for(database)):
            await until(lambda: _is_well(connection, "forward"))
            async with locked(database, "lanes"):
                await until(lambda: _lease_hangs(connection))
                await until_red(connection, "forward", FaultKind.NONE_AT_WORK)
            await until(lambda: _is_well(connection, "forward"))
            await until(lambda: _is_told(connection))


async def _is_told(c: Connection) -> bool:
    return bool(await c.fetchval("select bool_and(head = tail) from lanes"))


async def _lease_hangs(c: Connection) -> bool:
    return bool(await c.fetchval(LEASE_HANGS))


async def test_a_forwarder_that_leases_nothing_although_lanes_are_due_is_red(
    connection: Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each loop turns, and no lane is taken."""
    await make_register(connection)
    await grant(connection, service="RIO")
    await plan_all(connection)
    await connection.execute("update lanes set due = due - interval '1 minute'")
    monkeypatch.setattr(Destinations, "permits", lambda _: {})
    async with forwarder(settings_for(database)):
        fault = await until_red(connection, "forward", FaultKind.NOTHING_DONE)
        assert fault.seconds > BOUND_SECONDS
        assert (await health_of(connection, "forward")).at_work == 1


async def test_a_reader_whose_batch_does_not_end_is_red(
    connection: Connection, database: str, pool: Pool, kafka: str, topics: Mapping[str, str], later: Any
) -> None:
    """No read ends while a batch hangs."""
    async with reading_reports(pool, kafka, topics), AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await until(lambda: _is_well(connection, "reports"))
        async with locked(database, "read_offsets"):
            await producer.send_and_wait(topics[TOPIC], b"{}", partition=0)
            await until(lambda: is_blocked(connection))
            later()
            await until_red(connection, "reports", FaultKind.LOOP_LATE, "reports.read")
        await until(lambda: _is_well(connection, "reports"))


async def test_a_deaf_reader_is_red_and_the_cause_is_the_hub(
    connection: Connection, pool: Pool, kafka: str, topics: Mapping[str, str]
) -> None:
    """Reads end, empty, while reports wait: the number and the age are shown, and DUO is not blamed."""
    await make_register(connection)
    await grant(connection, service="RIO")
    await plan_all(connection)
    await take(connection, "duo:rio")
    async with reading_reports(pool, kafka, topics) as (broker, _):
        consumer: Any = next(iter(broker.subscribers)).consumer  # type: ignore[attr-defined]
        await until(lambda: has_all(consumer, topics[TOPIC]))
        consumer.pause(*consumer.assignment())
        written = int((now() - timedelta(minutes=1)).timestamp() * 1000)
        async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
            for _ in range(3):
                await producer.send_and_wait(topics[TOPIC], b"{}", partition=3, timestamp_ms=written)
        await until_red(connection, "reports", FaultKind.NOTHING_DONE)
        lag = await LagReader().read(connection, now())
        (rio,) = [each for each in lag.destinations if each.destination.name == "duo:rio"]
        assert (rio.cause, rio.standing.unprocessed) == (Cause.HUB, 1)
        assert rio.since is not None
        assert [(each.topic, each.records) for each in lag.health.unread] == [(topics[TOPIC], 3)]
        consumer.resume(*consumer.assignment())
        await until(lambda: _is_well(connection, "reports"))
        await until(lambda: _is_read(connection))


async def _is_read(c: Connection) -> bool:
    return not any(each.records for each in (await read_health(c)).unread)
