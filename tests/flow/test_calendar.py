"""The calendar on a real database: dates that came are told once, by one, in small steps."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hub.clock import now, today
from hub.imports import import_mandates, import_schools, import_systems
from hub.register import moment
from hub.store.wake import Ear
from producers import calendar
from tests.support.forwarding import settings_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.store.pool import Connection

BRINS = [f"00A{chr(65 + n)}" for n in range(7)]
SUPPLIER = "00000099000000001000"


@pytest.fixture
async def c(connection: Connection) -> Connection:
    """Give a register of yesterday, in which seven mandates start and end today."""
    yesterday = moment(now() - timedelta(days=1))
    schools = "".join(f"41561;{brin};{brin}00;x\n" for brin in BRINS)
    header = "BEVOEGD GEZAG NUMMER;BRIN NUMMER;VESTIGINGSNUMMER;VESTIGINGSNAAM\n"
    await import_schools(connection, (header + schools).encode(), yesterday)
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
    """Seven schools, three at a time; whoever comes again finds nothing to tell."""
    assert await calendar.catch_up(c, now(), 3) == 7
    assert await calendar.catch_up(c, now(), 3) == 0
    assert await told(c, "started") == 7
    assert await calendar.catch_up(c, now() + timedelta(days=1), 3) == 7
    assert await told(c, "expired") == 7
    assert await c.fetchval("select count(*) from mandates where next_date is not null") == 0


async def test_of_several_calendars_one_is_active_and_all_stop(
    c: Connection, database: str, kafka: str, topics: Mapping[str, str]
) -> None:
    """Two run side by side: each date is told once, and both end when they are told to, also the one that waits."""
    settings = settings_for(database, {"OSR_HUB_KAFKA__BOOTSTRAP_SERVERS": kafka})
    stop = asyncio.Event()
    async with Ear(database, "events") as ear:
        calendars = [asyncio.create_task(calendar.run(settings, stop, topics["osr.mandates.v1"])) for _ in range(2)]
        async with asyncio.timeout(20):
            while await told(c, "started") < len(BRINS):
                await ear.wait()
            stop.set()
            await asyncio.gather(*calendars)
    assert await told(c, "started") == 7
