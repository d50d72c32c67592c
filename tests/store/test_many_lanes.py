"""What each scrape of a hub with many lanes reads: lanes that wait are found by an index, idle ones are not touched."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hub.clock import now
from hub.observe.lag import LagReader
from hub.observe.lane_watch import LEASES_FOR, lane_sums_now
from hub.store import lanes, processes
from hub.store.observe import oldest_unplanned, read_destinations
from tests.support.lanes.ledgers import make_register, record_events, settle_everything
from tests.support.sessions import prefer_index_lookups

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

    from hub.observe.lag import DestinationLag, Lag

LANES = 3000
WAITING = 7
UNSENT = """
with chosen as (update lanes set tail = tail + 1, {state} where brin in (select brin from lanes order by brin limit $1)
                returning destination, brin, tail)
insert into deliveries (destination, brin, sequence, event_number, id, type, expects_report, planned_at, cause)
select c.destination, c.brin, c.tail, 1, gen_random_uuid(), 'amended', true, now() - interval '1 hour',
       gen_random_uuid() from chosen c
"""
COUNTED = """
insert into tallies select 0, destination, status, expects_report, count(*) from deliveries group by 2, 3, 4
on conflict (process, destination, status, expects_report) do update set n = excluded.n
"""
SCANNED = """
select t.seq_tup_read + coalesce(t.idx_tup_fetch, 0)
     + (select coalesce(sum(i.idx_tup_read), 0) from pg_stat_user_indexes i where i.relname = 'lanes')
  from pg_stat_user_tables t where t.relname = 'lanes'
"""


@pytest.fixture
async def many(connection: asyncpg.Connection[Any]) -> asyncpg.Connection[Any]:
    """A ledger of 3,000 lanes to the queue for RIO, all of them idle."""
    await make_register(connection, LANES)
    await record_events(connection, 1, body=10)
    await settle_everything(connection)
    await connection.execute(COUNTED)
    await connection.execute("analyze")
    await prefer_index_lookups(connection)
    return connection


async def rows_scanned(c: asyncpg.Connection[Any], reader: LagReader, at: datetime) -> tuple[int, Lag]:
    """Read the lag; return how many rows of lanes that scanned, whatever the planner thinks of small tables."""
    before = await _scanned(c)
    lag = await reader.read(c, at)
    return await _scanned(c) - before, lag


async def _scanned(c: asyncpg.Connection[Any]) -> int:
    await c.execute("select pg_stat_force_next_flush()")
    await c.execute("select pg_stat_clear_snapshot()")
    return int(await c.fetchval(SCANNED))


def rio(lag: Lag) -> DestinationLag:
    """Return the lag of the queue for RIO."""
    return next(each for each in lag.destinations if each.destination.name == "duo:rio")


async def test_a_second_scrape_touches_no_idle_lane(many: asyncpg.Connection[Any]) -> None:
    """The lanes are counted once; later reads within the minute find nothing to look at."""
    reader, at = LagReader(), now()
    first, lag = await rows_scanned(many, reader, at)
    assert first >= LANES
    assert (rio(lag).lanes.idle, rio(lag).lanes.busy) == (LANES, 0)
    second, lag = await rows_scanned(many, reader, at)
    assert second < LANES / 10
    assert (rio(lag).lanes.idle, rio(lag).lanes.busy) == (LANES, 0)


async def test_lanes_that_wait_are_found_by_their_index(many: asyncpg.Connection[Any]) -> None:
    """A few lanes that are due cost a few rows, and their oldest message is known."""
    reader, at = LagReader(), now()
    await reader.read(many, at)
    await many.execute(UNSENT.format(state="due = now()"), WAITING)
    await many.execute(COUNTED)
    await reader.read(many, at)  # the leased lanes are looked for once, and then kept for a while
    scanned, lag = await rows_scanned(many, reader, at)
    assert scanned < LANES / 10
    assert (rio(lag).lanes.idle, rio(lag).lanes.busy) == (LANES - WAITING, WAITING)
    waits = rio(lag).standing.oldest_undelivered
    assert waits is not None
    assert waits > 0


async def test_leased_lanes_are_known_before_they_are_late(many: asyncpg.Connection[Any]) -> None:
    """A lane that is leased after the last look is found by the first read after four seconds."""
    reader = LagReader()
    await many.execute(UNSENT.format(state="due = now()"), WAITING)
    await many.execute(COUNTED)
    assert rio(await reader.read(many, now())).lanes.leased == 0
    await many.execute("update lanes set due = null, owner = 1 where due is not null")
    later = rio(await reader.read(many, now() + LEASES_FOR + timedelta(milliseconds=1)))
    assert (later.lanes.leased, later.lanes.idle) == (WAITING, LANES - WAITING)
    assert later.standing.oldest_undelivered is not None


async def test_held_lanes_are_summed_with_what_waits_in_them(many: asyncpg.Connection[Any]) -> None:
    """Held lanes are those of the index of held lanes, and their schools are named."""
    await many.execute(UNSENT.format(state="held = true"), WAITING)
    await many.execute(COUNTED)
    sums = (await lane_sums_now(many, now()))[await many.fetchval("select id from destinations where name = 'duo:rio'")]
    assert (sums.held, sums.held_waiting, sums.held_retrying, len(sums.held_brins)) == (WAITING, WAITING, 0, WAITING)
    assert (sums.idle, sums.waits_since) == (LANES - WAITING, None)
    assert sums.oldest is not None
    assert sums.oldest.is_held


@pytest.mark.parametrize("is_hot", [True, False], ids=["as the flow plans", "as the pages plan"])
async def test_a_destination_without_lanes_costs_no_look_at_those_of_others(
    many: asyncpg.Connection[Any], *, is_hot: bool
) -> None:
    """One system has no copies yet: that is known by an index, not by reading every lane."""
    if not is_hot:
        await many.execute("reset all")
    before = await _scanned(many)
    views = await read_destinations(many)
    assert await _scanned(many) - before < LANES / 10
    assert "duo:rio" in {view.name for view in views}


async def test_schools_are_looked_at_only_where_something_is_unplanned(many: asyncpg.Connection[Any]) -> None:
    """When all is planned no school is looked up; when one event is not, its time is found."""
    looked = "select idx_scan from pg_stat_user_tables where relname = 'planning_progress'"
    assert await oldest_unplanned(many) is None
    await _scanned(many)
    before = await many.fetchval(looked)
    assert await oldest_unplanned(many) is None
    await _scanned(many)
    assert await many.fetchval(looked) == before
    brin = await many.fetchval("select min(brin) from schools")
    await many.execute("update planning_progress set planned_through = planned_through - 1 where brin = $1", brin)
    assert await oldest_unplanned(many) is not None


@pytest.mark.parametrize("due", ["null", "now() + interval '1 hour'"], ids=["idle", "due later"])
@pytest.mark.parametrize("counted", ["null", "now()", "now() + interval '1 hour'"], ids=["idle", "due", "due later"])
async def test_a_lease_reads_no_lane_that_is_not_due(many: asyncpg.Connection[Any], counted: str, due: str) -> None:
    """Whatever the statistics say: a process plans the lease once, and that may be in the middle of a large import."""
    owner = (await processes.enter(many, "forward")).process
    rio_id = await many.fetchval("select id from destinations where name = 'duo:rio'")
    for state, vacuum in ((counted, "vacuum analyze lanes"), (due, "vacuum lanes")):
        await many.execute(f"update lanes set due = {state}")  # noqa: S608 - one of the texts above
        await many.execute(vacuum)
    before = await _scanned(many)
    for _ in range(3):
        assert await lanes.take(many, owner, {rio_id: 128}, 40) == {}
    assert await _scanned(many) - before < LANES / 10
