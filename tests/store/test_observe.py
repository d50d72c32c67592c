"""Counters, histograms and the search for the oldest delivery: sums are kept, and nothing unsettled is passed."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.clock import now
from hub.domain.delivery import Status
from hub.domain.ids import lowest_at
from hub.observe.lag import LagReader
from hub.store import meters, observe, tallies
from hub.store.meters import Meters
from tests.support.lanes.ledger_states import plan_all, report, take
from tests.support.register.subscriptions import BRINS, grant, make_register

if TYPE_CHECKING:
    from hub.observe.lag import Lag
    from hub.store.pool import Connection

A_LONG_TIME = timedelta(hours=2)


async def test_tallies_of_all_processes_are_one_sum(connection: Connection) -> None:
    """Tallies are summed over processes, without zeros."""
    await tallies.add(connection, 1, {(1, Status.WAITING, True): 3, (1, Status.DEAD, True): 0})
    await tallies.add(connection, 2, {(1, Status.WAITING, True): -1, (1, Status.DELIVERED, True): 1})
    await tallies.add(connection, 1, {(1, Status.DELIVERED, True): -1})
    assert await tallies.totals(connection) == {(1, Status.WAITING, True): 2}
    assert await connection.fetchval("select count(*) from tallies") == 4


async def test_what_was_measured_adds_up(connection: Connection) -> None:
    """Histograms and counters are summed over flushes, processes and minutes."""
    for process in (1, 2):
        measured = Meters()
        measured.observe(7, "plan", 0.004)
        measured.count("attempts", 7, "retry", 2)
        await measured.flush(connection, process)
        measured.observe(7, "plan", 5.0)
        await measured.flush(connection, process)
        await measured.flush(connection, process)
    buckets, seconds = (await observe.all_hops(connection))[7, "plan"]
    assert (sum(buckets), buckets[3], buckets[14]) == (4, 2, 2)
    assert seconds == pytest.approx(10.008)
    assert await observe.counters(connection) == {("attempts", 7, "retry"): 4}


async def test_what_could_not_be_written_is_written_later(connection: Connection) -> None:
    """A flush that fails keeps its numbers for the next one."""
    measured = Meters()
    measured.observe(7, "plan", 1.0)
    measured.count("events", 0, "x")
    await connection.execute("alter table counters rename to elsewhere")
    with pytest.raises(Exception, match="counters"):
        await measured.flush(connection, 1)
    await connection.execute("alter table elsewhere rename to counters")
    assert await observe.all_hops(connection) == {}
    measured.observe(7, "plan", 1.0)
    await measured.flush(connection, 1)
    assert sum((await observe.all_hops(connection))[7, "plan"][0]) == 2
    assert await observe.counters(connection) == {("events", 0, "x"): 1}


async def test_folding_keeps_every_sum(connection: Connection) -> None:
    """Folding merges old minutes and ended processes and keeps all sums."""
    living = await connection.fetchval("insert into processes (role, host, pid) values ('plan', 'h', 1) returning id")
    for process in (living, 901, 902):
        await tallies.add(connection, process, {(1, Status.WAITING, True): 5})
        measured = Meters()
        measured.observe(1, "plan", 0.004)
        measured.count("attempts", 1, "retry")
        await measured.flush(connection, process)
    await connection.execute("update hops set minute = minute - interval '1 hour'")
    young = Meters()
    young.observe(1, "plan", 2.0)
    await young.flush(connection, living)
    before = (
        await tallies.totals(connection),
        await observe.all_hops(connection),
        await observe.counters(connection),
    )
    for _ in range(2):
        await meters.fold(connection)
        after = (
            await tallies.totals(connection),
            await observe.all_hops(connection),
            await observe.counters(connection),
        )
        assert after == before
    rows = await connection.fetch("select process, minute = '-infinity' as old from hops order by process, old")
    assert [tuple(row) for row in rows] == [(0, True), (living, False), (living, True)]
    assert [r["process"] for r in await connection.fetch("select process from tallies order by 1")] == [0, living]
    assert (await observe.recent_percentiles(connection))[1, "plan"] == pytest.approx((2.0, 2.0), rel=0.01)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.lists(st.floats(0.0002, 4e5), max_size=15), min_size=1, max_size=4))
async def test_percentiles_are_measured(connection: Connection, flushed: list[list[float]]) -> None:
    """Over flushes and processes, p50 and p99 are the true ones (nearest rank) within one percent."""
    await connection.execute("truncate hops")
    for nth, seconds in enumerate(flushed):
        measured = Meters()
        for each in seconds:
            measured.observe(7, "transport", each)
        await measured.flush(connection, nth % 2)
    every = sorted(each for seconds in flushed for each in seconds)
    found = await observe.recent_percentiles(connection)
    assert set(found) == ({(7, "transport")} if every else set())
    for share, value in zip((0.5, 0.99), found.get((7, "transport"), ()), strict=False):
        assert value == pytest.approx(every[ceil(share * len(every)) - 1], rel=0.01)


@pytest.fixture
async def ledger(connection: Connection) -> Connection:
    """A school with a mandate for RIO of two units, both delivered to DUO's queue."""
    await make_register(connection)
    await grant(connection, service="RIO", routed=["18DS01"])
    await plan_all(connection)
    await take(connection, "duo:rio")
    return connection


async def make_old(c: Connection, age: timedelta) -> None:
    """Give all deliveries ids and times of this age."""
    first = lowest_at(now() - age).int
    for nth, row in enumerate(await c.fetch("select ctid::text, id from deliveries order by destination, sequence")):
        await c.execute("update deliveries set id = $1 where id = $2", UUID(int=first + nth), row["id"])
    await c.execute("update deliveries set delivered_at = delivered_at - $1::interval", age)


async def start(c: Connection) -> UUID:
    """Return where the search for DUO's queue of RIO starts."""
    rio = await c.fetchval("select id from destinations where name = 'duo:rio'")
    return (await observe.search_starts(c))[rio]


async def test_the_search_stops_at_what_waits_for_a_report(ledger: Connection) -> None:
    """The start of the search never passes a delivery that waits for a report."""
    await make_old(ledger, A_LONG_TIME)
    ids = [row["id"] for row in await ledger.fetch("select id from deliveries order by id")]
    await observe.advance_open_from(ledger, now())
    assert await start(ledger) == ids[0]
    await report(ledger, str(ids[0]), "processed")
    await observe.advance_open_from(ledger, now())
    assert await start(ledger) == ids[1]
    await report(ledger, str(ids[1]), "rejected")
    at = now()
    await observe.advance_open_from(ledger, at)
    assert await start(ledger) == lowest_at(at - observe.LATE_PLANNING)


async def test_the_search_never_passes_the_last_minutes(ledger: Connection) -> None:
    """The start of the search stays behind recent events, which may not be planned yet."""
    for row in await ledger.fetch("select id from deliveries"):
        await report(ledger, str(row["id"]), "processed")
    at = now()
    await observe.advance_open_from(ledger, at)
    assert await start(ledger) == lowest_at(at - observe.LATE_PLANNING)


async def test_the_planner_moves_the_start_back(ledger: Connection) -> None:
    """Planning an old event moves the start of the search back to it."""
    for row in await ledger.fetch("select id from deliveries"):
        await report(ledger, str(row["id"]), "processed")
    await observe.advance_open_from(ledger, now())
    reader = LagReader()
    assert _oldest(await reader.read(ledger, now())) is None
    await grant(ledger, service="RIO", brin=BRINS[0])
    old = UUID(int=lowest_at(now() - A_LONG_TIME).int + 7)
    await ledger.execute("update events set id = $1 where brin = '00AA'", old)
    await plan_all(ledger)
    await take(ledger, "duo:rio")
    assert (await start(ledger)) < lowest_at(now() - timedelta(minutes=30))
    found = _oldest(await reader.read(ledger, now()))
    assert found is not None
    assert found < 60


def _oldest(lag: Lag) -> float | None:
    return next(each.standing.oldest_unprocessed for each in lag.destinations if each.destination.name == "duo:rio")


async def test_the_oldest_unprocessed_is_found_past_many_that_are_settled(ledger: Connection) -> None:
    """The search goes on in chunks, and continues where it ended before."""
    await ledger.execute(
        """insert into deliveries (destination, brin, sequence, event_number, id, type, expects_report, planned_at,
                                   status, attempts, delivered_at, processed_at, reported_at)
           select destination, brin, 100 + n, event_number,
                  (lpad(to_hex(n), 12, '0') || '7000800000000000000a')::uuid, type, true, planned_at, 'processed', 1,
                  delivered_at, delivered_at, delivered_at
             from deliveries, generate_series(1, 25000) n where sequence = 1"""
    )
    reader = LagReader()
    for _ in range(2):
        found = _oldest(await reader.read(ledger, now() + timedelta(seconds=100)))
        assert found is not None
        assert 99 < found < 160


async def test_a_backlog_is_as_old_as_its_oldest_event(ledger: Connection) -> None:
    """A backlog is as old as its oldest event; a delivery of the current state counts from its planning."""
    await grant(ledger, service="RIO", brin=BRINS[0])
    await plan_all(ledger)
    old = UUID(int=lowest_at(now() - A_LONG_TIME).int)
    await ledger.execute("update deliveries set id = $1 where brin = '00AA'", old)
    rio = await ledger.fetchval("select id from destinations where name = 'duo:rio'")
    since = (await observe.lane_sums(ledger))[rio].waits_since
    assert since is not None
    assert timedelta(hours=1, minutes=59) < now() - since < timedelta(hours=2, minutes=1)
    await ledger.execute("update deliveries set cause = gen_random_uuid() where brin = '00AA'")
    since = (await observe.lane_sums(ledger))[rio].waits_since
    assert since is not None
    assert now() - since < timedelta(minutes=1)
