"""`osr-hub recover` dies again and again amid thousands of events, and is given again until it is done.

Real processes on a database that was restored from a backup; between two deaths it must be as the backup was.
"""

from __future__ import annotations

import signal
from collections import Counter
from itertools import product
from typing import TYPE_CHECKING, Final

import asyncpg
import pytest

from hub import imports
from hub.clock import now
from hub.recovery.topic_reader import MOST_RECORDS
from hub.register import moment
from schemas.topics import TOPICS
from tests.support.faults.crash_points import SENT
from tests.support.faults.crash_world import LAS, CrashWorld
from tests.support.faults.crashing import HubProcesses
from tests.support.receivers.back_office import LOG, back_office
from tests.support.receivers.receiver import receiver
from tests.support.receivers.recording_receivers import accept_all, messages
from tests.support.register.schools import add_schools, small_schools
from tests.support.servers.databases import copy_database, create_database, drop_database, dsn_of
from tests.support.servers.hubs import read_register
from tests.support.servers.topics import recreate_topics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from pathlib import Path

    Restore = Callable[[], Coroutine[None, None, None]]

pytestmark = pytest.mark.proof
MANY: Final = tuple(f"{n:02}{letters}" for letters, n in product(("BB", "CC"), range(75)))
YEARS: Final = range(2030, 2045)
HEADER: Final = "brin;service_code;supplier_oin;start_date;end_date;branch;routing_id"
EPOCH: Final = "select ledger_epoch from hub_state"


@pytest.fixture
async def world(postgres: str, template: str, kafka: str, tmp_path: Path) -> AsyncIterator[tuple[CrashWorld, Restore]]:
    """A small hub with all its processes, many schools, and a backup of it; what is given besides restores that."""
    await recreate_topics(kafka, TOPICS)
    name, saved = await create_database(postgres, template), f"{template}_saved"
    dsn = dsn_of(postgres, name)
    processes = HubProcesses(database=dsn, bootstrap=kafka, logs=tmp_path)
    async with back_office(kafka) as office, receiver(accept_all) as las:
        it = CrashWorld(c=await asyncpg.connect(dsn), processes=processes, office=office, las=las)

        async def restore() -> None:
            await processes.kill_all()
            await it.c.close()
            await drop_database(postgres, name)
            await copy_database(postgres, saved, name)
            it.c = await asyncpg.connect(dsn)

        office.is_silent = True
        try:
            await it.set_up()
            await add_schools(it.c, *small_schools(MANY))
            await processes.start_all()
            await it.grant("VVA", 6)
            await it.grant("RIO", 6)
            await it.until(SENT, "the first day is sent")
            await it.c.close()
            await copy_database(postgres, name, saved)
            it.c = await asyncpg.connect(dsn)
            yield it, restore
        finally:
            await processes.kill_all()
            await it.c.close()
            await drop_database(postgres, name)
            await drop_database(postgres, saved)


async def many_mandates(world: CrashWorld) -> None:
    """Import thousands of mandates from a file."""
    rows = [f"{brin};RIO;{LAS};{year}-08-01;{year + 1}-07-31;;" for brin in MANY for year in YEARS]
    async with world.c.transaction():
        await imports.import_mandates(world.c, "\n".join([HEADER, *rows]).encode(), moment(now()))
    await world.c.execute("notify osr_events")


async def dies(world: CrashWorld, point: str) -> None:
    """Give the command, and see it die where it should."""
    await world.processes.start("recover", point)
    assert await world.processes.wait_killed("recover") == signal.SIGKILL, world.processes.tail("recover")


async def test_recovering_that_dies_in_the_middle_leaves_the_backup_as_it_was(
    world: tuple[CrashWorld, Restore],
) -> None:
    """Amid the reading and the writing nothing is kept, at the end all of it is, and each id comes once per ledger."""
    it, restore = world
    assert len(MANY) * len(YEARS) > MOST_RECORDS, "the log is read in several batches"
    await many_mandates(it)
    await it.grant("VVA", 6)
    await it.until(SENT, "the second day is sent")
    whole = await read_register(it.c)
    await restore()
    backup = await read_register(it.c)
    for point in ("recover.reading", "recover.recording"):
        await dies(it, point)
        assert (await read_register(it.c), await it.c.fetchval(EPOCH)) == (backup, 1), point
    await dies(it, "recover.committed")
    await it.processes.start("recover")
    assert await it.processes.wait_killed("recover") == 0, it.processes.tail("recover")
    assert (await read_register(it.c), await it.c.fetchval(EPOCH)) == (whole, 2)
    assert await it.c.fetchval("select count(*) from audit where action = 'hub.recovered'") == 1
    await it.processes.start_all()
    await it.until(SENT, "all of it is told again")
    await it.wait_until_read()
    await it.check()
    came = [*it.office.came["duo.rio.v1"], *messages(it.las.got)]
    times = Counter((event["ledgerepoch"], event["id"]) for event in came)
    assert set(times.values()) == {1}
    assert Counter(event["ledgerepoch"] for event in it.office.came["duo.rio.v1"])[2] == len(MANY) * len(YEARS)
    assert len(it.office.came[LOG]) == len(whole["events"])
