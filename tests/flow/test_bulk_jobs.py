"""Bulk jobs in processes of their own: a kill loses and doubles nothing."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from consumers.planning.bulk_jobs import BulkJobRunner
from hub.domain.bulk import BulkState
from hub.operations import bulk
from hub.processes.heartbeat import Heartbeat
from hub.store.pool import open_pool
from tests.support.register.bulk_jobs import RIO, SCHOOLS, assert_right, make_many, submit, wanted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    import asyncpg

    from hub.store.pool import Connection

KILLS: Final = 3
PATIENCE: Final = 240
WORKER: Final = """
import asyncio, sys
from consumers.planning.bulk_jobs import Acts
from hub.processes.heartbeat import Heartbeat
from hub.store.pool import open_pool

async def work():
    pool = await open_pool(sys.argv[1], name="plan", is_hot=True)
    async with Heartbeat(pool, "plan") as heart:
        await Acts(pool, heart).work()

asyncio.run(work())
"""


@pytest.fixture
async def many(connection: asyncpg.Connection[Any]) -> Connection:
    """Give sixty schools, each with three settled deliveries of one unit."""
    await make_many(connection)
    return connection


async def worker(database: str) -> asyncio.subprocess.Process:
    """Start a process that works on acts."""
    return await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, database)


async def progress(c: Connection, act: UUID, beyond: int) -> int:
    """Wait until more than so much of an act is done, or all of it, and say how much."""
    while (done := (now := await bulk.read(c, act)).done) <= beyond and now.state is BulkState.RUNNING:
        await asyncio.sleep(0.01)
    return done


@pytest.mark.timeout(PATIENCE)
async def test_a_replay_goes_on_wherever_its_process_was_killed(many: Connection, database: str) -> None:
    """A replay whose workers are killed again and again sends each unit once."""
    act = await submit(many, wanted(destination=RIO, rate=20))
    done, alive = 0, [await worker(database), await worker(database)]
    for _ in range(KILLS):
        done = await progress(many, act.id, done)
        victim = alive.pop(0)
        victim.send_signal(signal.SIGKILL)
        await victim.wait()
        alive.append(await worker(database))
    while (await bulk.read(many, act.id)).state is BulkState.RUNNING:
        done = await progress(many, act.id, done)
    for process in alive:
        process.kill()
        await process.wait()
    ended = await bulk.read(many, act.id)
    assert (ended.state, ended.done, ended.skipped) == (BulkState.DONE, SCHOOLS, 0)
    assert await many.fetchval("select count(*) from deliveries where cause = $1", act.id) == SCHOOLS
    assert await many.fetchval("select max(n) from (select count(*) n from deliveries group by brin) x") == 4
    await assert_right(many)


@asynccontextmanager
async def at_work(database: str) -> AsyncIterator[None]:
    """Work on acts in this process, as the planner's does."""
    pool = await open_pool(database, name="plan", is_hot=True)
    async with Heartbeat(pool, "plan") as heartbeat:
        working = asyncio.create_task(BulkJobRunner(pool, heartbeat).run_batch())
        yield
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    await pool.close()


@pytest.mark.timeout(PATIENCE)
async def test_what_fails_once_is_tried_again(many: Connection, database: str) -> None:
    """A portion that the database refuses ends neither the job nor the worker."""
    await many.execute(
        "create function refuse() returns trigger language plpgsql as $$ begin raise 'not now'; end $$;"
        "create trigger refuse before insert on deliveries for each row execute function refuse()"
    )
    act = await submit(many, wanted(destination=RIO, rate=1000))
    async with at_work(database):
        while not await many.fetchval("select xact_rollback from pg_stat_database where datname = current_database()"):
            await asyncio.sleep(0.01)
        assert (await bulk.read(many, act.id)).done == 0
        await many.execute("drop trigger refuse on deliveries")
        while (await bulk.read(many, act.id)).state is BulkState.RUNNING:
            await asyncio.sleep(0.01)
    assert (await bulk.read(many, act.id)).done == SCHOOLS
    await assert_right(many)
