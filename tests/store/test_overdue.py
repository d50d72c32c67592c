"""What is overdue: whose turn decides, what is done counts once, and a scrape looks at a bounded number of rows."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hub.clock import now
from hub.domain.keys import LaneKey
from hub.domain.objective import Overdue
from hub.observe.lag import LagReader
from hub.observe.overdue import KEPT_FOR
from hub.store.lane_sums import MOST_WAITING
from hub.store.overdue import MOST_LOOKED_AT, UnprocessedLimit, UnsentLimit, count_unprocessed, count_unsent
from tests.support.lanes import ledgers
from tests.support.lanes.ledger_states import fail, plan_all, take
from tests.support.register.subscriptions import BRINS, grant, make_register
from tests.support.sessions import prefer_index_lookups

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

    from hub.domain.objective import Attainment
    from hub.store.pool import Connection

RIO = "duo:rio"
LANES = 2500
"""More than are looked at from both ends of the line."""
DAYS = timedelta(days=3)
SCANNED = """
select sum(t.seq_tup_read)
     + (select sum(i.idx_tup_read) from pg_stat_user_indexes i where i.relname in ('lanes', 'deliveries'))
  from pg_stat_user_tables t where t.relname in ('lanes', 'deliveries')
"""
UNSENT = """
with lane as (update lanes set tail = tail + $2, due = now()
               where brin in (select brin from lanes order by brin limit $1) returning destination, brin, tail)
insert into deliveries (destination, brin, sequence, event_number, id, type, expects_report, planned_at, cause)
select l.destination, l.brin, l.tail - $2 + n, 1, gen_random_uuid(), 'amended', true,
       now() - case when n <= $3 then interval '1 hour' else interval '0' end, gen_random_uuid()
  from lane l cross join generate_series(1, $2) n
"""


@pytest.fixture
async def ledger(connection: Connection) -> Connection:
    """Two schools that granted RIO, each with a message that is planned and waits for DUO's queue."""
    await make_register(connection)
    for brin in BRINS:
        await grant(connection, service="RIO", brin=brin)
    await plan_all(connection)
    return connection


async def age(c: Connection, by: timedelta) -> None:
    """Make every delivery older: its plan, and when it was taken; the first 48 bits of an id are its milliseconds."""
    await c.execute(
        """update deliveries set planned_at = planned_at - $1::interval, delivered_at = delivered_at - $1::interval,
                  reported_at = reported_at - $1::interval,
                  id = overlay(id::text placing head from 1)::uuid
             from (select d.id as was, substr(h.hex, 1, 8) || '-' || substr(h.hex, 9, 4) as head
                     from deliveries d cross join lateral (
                        select lpad(to_hex(('x' || left(replace(d.id::text, '-', ''), 12))::bit(48)::bigint
                                    - (extract(epoch from $1::interval) * 1000)::bigint), 12, '0') as hex) h) x
            where x.was = id""",
        by,
    )


async def attained(c: Connection, reader: LagReader | None = None, at: datetime | None = None) -> Attainment:
    """Return how the queue for RIO meets its objective."""
    lag = await (reader or LagReader()).read(c, at or now())
    return next(each.attainment for each in lag.destinations if each.destination.name == RIO)


async def test_what_waits_too_long_is_missed_already(ledger: Connection) -> None:
    """Messages that wait, or are tried again, count from the moment on that their limit has passed."""
    assert await attained(ledger) == await attained(ledger, at=now() + timedelta(seconds=30))
    await fail(ledger, RIO)
    found = await attained(ledger, at=now() + timedelta(seconds=90))
    assert found.overdue == Overdue(transport=2)
    assert found.met_share == 0
    assert found.burn_rate == pytest.approx(20.0)


async def test_what_was_done_since_is_no_longer_overdue(ledger: Connection) -> None:
    """The numbers are kept for a few seconds, but never more than what is left to do."""
    reader, later = LagReader(), now() + timedelta(seconds=90)
    assert (await attained(ledger, reader, later)).overdue.transport == 2
    await take(ledger, RIO)
    assert (await attained(ledger, reader, later + KEPT_FOR)).overdue.transport == 0


async def test_a_held_message_is_not_the_destinations_miss(ledger: Connection) -> None:
    """Neither of a held school, nor of a held destination, nor of a system that nobody subscribed for."""
    later = now() + timedelta(seconds=90)
    await ledger.execute("update lanes set held = true, due = null where brin = $1", BRINS[0])
    assert (await attained(ledger, at=later)).overdue.transport == 1
    await ledger.execute("update lanes set held = true, due = null")
    assert (await attained(ledger, at=later)).overdue.transport == 0
    await grant(ledger, service="VVA")
    await plan_all(ledger)
    lag = await LagReader().read(ledger, later + timedelta(days=1))
    assert {each.attainment.overdue for each in lag.destinations} == {Overdue()}


async def test_a_leased_lane_counts_unless_it_is_held(ledger: Connection) -> None:
    """A lane that is being sent to is found by its lease; one that was held meanwhile is not late."""
    await ledger.execute("update lanes set due = null, owner = 1")
    rio = await ledger.fetchval("select id from destinations where name = $1", RIO)
    leased = [LaneKey(rio, brin) for brin in BRINS]
    limit = UnsentLimit(destination=rio, before=now() + timedelta(hours=1), held_from=None, held_until=None)
    assert await count_unsent(ledger, [limit], leased) == {rio: 2}
    await ledger.execute("update lanes set held = true where brin = $1", BRINS[0])
    assert await count_unsent(ledger, [limit], leased) == {rio: 1}


async def test_the_time_of_a_hold_is_left_out(ledger: Connection) -> None:
    """After a release the limit counts on, as in the statement of a month."""
    held = "update destinations set held_from = now() - interval '1 minute', held_until = now() + $1::interval"
    await ledger.execute(held, timedelta(minutes=10))
    assert (await attained(ledger, at=now() + timedelta(minutes=10, seconds=30))).overdue.transport == 0
    assert (await attained(ledger, at=now() + timedelta(minutes=11, seconds=30))).overdue.transport == 2


async def test_what_was_taken_is_overdue_after_its_limit(ledger: Connection) -> None:
    """Without a report, and also while DUO has it in hand; not once it was reported on."""
    await take(ledger, RIO)
    assert (await attained(ledger)).overdue == Overdue()
    await age(ledger, DAYS)
    await ledger.execute("update deliveries set status = 'in_progress', reported_at = now() where brin = $1", BRINS[0])
    assert (await attained(ledger)).overdue == Overdue(processing=2)
    await ledger.execute("update deliveries set status = 'processed', processed_at = now() where brin = $1", BRINS[0])
    assert (await attained(ledger)).overdue == Overdue(processing=1)


async def test_the_schools_step_is_not_the_systems_miss(ledger: Connection) -> None:
    """Time stops when a system reports that the school has a step to do; it may have been late by then."""
    await take(ledger, RIO)
    await age(ledger, DAYS)
    await ledger.execute("update deliveries set status = 'in_progress', reported_at = now() where brin = $1", BRINS[0])
    await ledger.execute(
        "update deliveries set status = 'in_progress', reported_at = delivered_at + interval '1 hour' where brin = $1",
        BRINS[1],
    )
    assert await unreported(ledger, leaves_to_schools=True) == (1, False)
    assert await unreported(ledger, leaves_to_schools=False) == (2, False)


async def test_reports_that_the_hub_has_not_read_are_its_own(ledger: Connection) -> None:
    """What DUO may have reported since the oldest unread report does not make DUO late."""
    await take(ledger, RIO)
    await age(ledger, DAYS)
    assert await unreported(ledger, read_until=now() - timedelta(days=2)) == (0, False)
    assert await unreported(ledger, read_until=now() - timedelta(hours=1)) == (2, False)


async def unreported(
    c: Connection, *, leaves_to_schools: bool = False, read_until: datetime | None = None
) -> tuple[int, bool]:
    """Count what the queue for RIO did not report on within two days."""
    rio = await c.fetchval("select id from destinations where name = $1", RIO)
    limit = UnprocessedLimit(
        destination=rio,
        first=await c.fetchval("select id from deliveries order by id limit 1"),
        read_until=read_until or now(),
        limit=timedelta(days=2),
        leaves_to_schools=leaves_to_schools,
    )
    return (await count_unprocessed(c, [limit]))[rio]


@pytest.fixture
async def many(connection: asyncpg.Connection[Any]) -> asyncpg.Connection[Any]:
    """A ledger of 2,500 lanes to the queue for RIO, all of them idle."""
    await ledgers.make_register(connection, LANES)
    await ledgers.record_events(connection, 3, body=10)
    await ledgers.settle_everything(connection)
    return connection


async def _scanned(c: asyncpg.Connection[Any]) -> int:
    await c.execute("select pg_stat_force_next_flush()")
    await c.execute("select pg_stat_clear_snapshot()")
    return int(await c.fetchval(SCANNED))


@pytest.mark.parametrize(
    ("lanes", "each", "late", "expected"),
    [
        (LANES, 1, 1, MOST_WAITING),
        (LANES, 3, 3, MOST_WAITING),
        (5, LANES, LANES, MOST_WAITING),
        (700, 20, 1, 700),
        (7, 20, 3, 21),
        (LANES, 1, 0, 0),
    ],
    ids=["many lanes", "some in many lanes", "long lanes", "one in each of long lanes", "few", "none of many"],
)
async def test_a_backlog_is_counted_up_to_a_bound(
    many: asyncpg.Connection[Any], lanes: int, each: int, late: int, expected: int
) -> None:
    """At most a thousand are counted, and few rows more are read than lanes looked at and messages counted."""
    await many.execute(UNSENT, lanes, each, late)
    await many.execute("vacuum analyze lanes, deliveries")  # no reader meets an older version of a row
    await prefer_index_lookups(many)
    rio = await many.fetchval("select id from destinations where name = $1", RIO)
    limit = UnsentLimit(destination=rio, before=now() - timedelta(minutes=1), held_from=None, held_until=None)
    before = await _scanned(many)
    assert await count_unsent(many, [limit], ()) == {rio: expected}
    read = await _scanned(many) - before
    ends = 2 * min(lanes, MOST_WAITING)  # each lane is found at an end, looked up, and read up to one that is in time
    assert read <= 3 * ends + 2 * expected + 100


async def test_what_was_taken_is_looked_at_up_to_a_bound(many: asyncpg.Connection[Any]) -> None:
    """A look ends after five thousand deliveries, and says that there may be more."""
    await many.execute("update deliveries set status = 'delivered', reported_at = null, processed_at = null")
    await many.execute("update deliveries set delivered_at = delivered_at - interval '3 days'")
    await many.execute("vacuum analyze lanes, deliveries")  # no reader meets an older version of a row
    await prefer_index_lookups(many)
    before = await _scanned(many)
    rio = await many.fetchval("select id from destinations where name = $1", RIO)
    limit = UnprocessedLimit(
        destination=rio,
        first=await many.fetchval("select id from deliveries order by id limit 1"),
        read_until=now() + timedelta(days=3),
        limit=timedelta(days=2),
        leaves_to_schools=False,
    )
    assert await count_unprocessed(many, [limit]) == {rio: (MOST_LOOKED_AT, True)}
    assert await _scanned(many) - before < MOST_LOOKED_AT + 100
