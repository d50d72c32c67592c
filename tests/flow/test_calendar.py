"""The calendar on a real database: dates that have come are raised once, in small transactions."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from hub import register
from hub.clock import now, today
from hub.imports import import_mandates, import_schools, import_systems
from hub.register import DateChange, moment
from hub.store.wakeups import Listener
from producers import calendar
from tests.support.lanes.forwarding import settings_for
from tests.support.register.schools import school_csv

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.store.pool import Connection

BRINS = [f"00A{chr(65 + n)}" for n in range(7)]
SUPPLIER = "00000099000000001000"


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """Give a register of yesterday, in which seven mandates start and end today."""
    yesterday = moment(now() - timedelta(days=1))
    await import_schools(connection, school_csv(("41561", f"{brin}00", "x") for brin in BRINS), yesterday)
    await import_systems(
        connection, f"supplier_oin;system_name;service_codes\n{SUPPLIER};Een;VVA\n".encode(), yesterday
    )
    day = today(now())
    rows = "".join(f"{brin};VVA;{SUPPLIER};{day};{day};;\n" for brin in BRINS)
    header = "brin;service_code;supplier_oin;start_date;end_date;branch;routing_id\n"
    await import_mandates(connection, (header + rows).encode(), yesterday)
    return connection


async def told(c: Connection, kind: str) -> int:
    """Count events of a type."""
    count: int = await c.fetchval("select count(*) from events where type = $1::text::event_type", kind)
    return count


async def test_a_backlog_is_told_in_small_steps_and_once(c: Connection) -> None:
    """A backlog of dates is raised three schools at a time, and once."""
    assert await calendar.catch_up(c, now(), 3) == 7
    assert await calendar.catch_up(c, now(), 3) == 0
    assert await told(c, "started") == 7
    assert await calendar.catch_up(c, now() + timedelta(days=1), 3) == 7
    assert await told(c, "expired") == 7
    assert await c.fetchval("select count(*) from mandates where next_date is not null") == 0


async def test_several_at_once_tell_each_date_once(c: Connection, database: str) -> None:
    """Concurrent calendars raise each date once, also without their common lock."""
    others = [await asyncpg.connect(database) for _ in range(3)]
    made = await asyncio.gather(*(calendar.catch_up(one, now(), 2) for one in others))
    for one in others:
        await one.close()
    assert (sum(made), await told(c, "started")) == (7, 7)


async def test_who_holds_the_school_before_the_date_wins(c: Connection, database: str) -> None:
    """A withdrawal or amendment that the calendar waits for leaves it nothing to raise."""
    yesterday = moment(now() - timedelta(days=1))
    gone, moved, *_ = [row["id"] for row in await c.fetch("select id from mandates order by brin")]
    mine = await asyncpg.connect(database)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group, c.transaction():
        await register.withdraw(c, gone, yesterday)
        late = DateChange(start_date=today(now()) + timedelta(days=9), end_date=None)
        await register.amend(c, moved, late, yesterday)
        told_of = group.create_task(calendar.catch_up(mine, now()))
        while not await c.fetchval("select count(*) from pg_locks where not granted"):
            await asyncio.sleep(0.01)
    await mine.close()
    assert told_of.result() == 5
    kinds = await c.fetch("select type::text as kind from events where mandate_id = any($1::uuid[])", [gone, moved])
    assert sorted(row["kind"] for row in kinds) == ["amended", "granted", "granted", "withdrawn"]


async def test_a_day_with_very_many_dates_is_a_load_of_small_transactions(connection: Connection) -> None:
    """2,400 mandates that start on one day are raised in bounded transactions."""
    c, first, day = connection, moment(datetime(2027, 3, 1, 9, tzinfo=UTC)), date(2027, 8, 1)
    brins = [f"{n % 100:02d}B{chr(65 + n // 100)}" for n in range(1200)]
    await import_schools(c, school_csv(("41561", f"{brin}00", "x") for brin in brins), first)
    systems = f"supplier_oin;system_name;service_codes\n{SUPPLIER};Een;VVA,RIO\n".encode()
    await import_systems(c, systems, first)
    rows = "".join(f"{brin};{service};{SUPPLIER};{day};;;\n" for brin in brins for service in ("VVA", "RIO"))
    header = "brin;service_code;supplier_oin;start_date;end_date;branch;routing_id\n"
    await import_mandates(c, (header + rows).encode(), first)
    assert await calendar.catch_up(c, datetime(2027, 7, 31, 21, 59, 59, tzinfo=UTC)) == 0
    assert await register.due(c, day, 200, 5) == sorted(brins)[:2]
    began = time.perf_counter()
    assert await calendar.catch_up(c, datetime(2027, 7, 31, 22, tzinfo=UTC)) == 2400
    print(f"\n2,400 starts: {time.perf_counter() - began:.1f} s, resting half of it")
    sizes = await c.fetch(
        """select count(*) as events, count(distinct brin) as schools from events where type = 'started'
            group by xmin::text order by 1"""
    )
    assert [(row["events"], row["schools"]) for row in sizes] == [(400, 200)] * 6


async def test_of_several_calendars_one_is_active_and_all_stop(
    c: Connection, database: str, kafka: str, topics: Mapping[str, str]
) -> None:
    """Of two calendars one is active, each date is raised once, and both stop when told to."""
    settings = settings_for(database, {"OSR_HUB_KAFKA__BOOTSTRAP_SERVERS": kafka})
    stop = asyncio.Event()
    async with Listener(database, "events") as ear:
        calendars = [asyncio.create_task(calendar.run(settings, stop, topics["osr.mandates.v1"])) for _ in range(2)]
        async with asyncio.timeout(90):
            while await told(c, "started") < len(BRINS):
                await ear.wait()
            stop.set()
            await asyncio.gather(*calendars)
    assert await told(c, "started") == 7
