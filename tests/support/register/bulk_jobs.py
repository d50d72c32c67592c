"""Bulk jobs for tests on a real database: registers with deliveries, and the steps of a job."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hub.access import Actor
from hub.domain.bulk import BulkKind, BulkState
from hub.observe.books import check_ledger
from hub.operations import bulk
from hub.operations.bulk import BulkJobRequest
from hub.store.bulk import BulkSelection
from tests.support.lanes import ledgers
from tests.support.lanes.ledger_states import plan_all, take
from tests.support.operators import operator
from tests.support.register.subscriptions import BRINS, NOW, grant, make_register

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

    from hub.operations.bulk import BatchResult
    from hub.store.bulk import BulkJob
    from hub.store.pool import Connection

RIO = "duo:rio"
SCHOOLS = 60


async def make_two(c: Connection) -> None:
    """Make a register of two schools with a mandate for RIO each, all of it taken."""
    await make_register(c)
    for brin in BRINS:
        await grant(c, brin, service="RIO")
    await plan_all(c)
    await take(c, RIO)


async def make_many(c: asyncpg.Connection[Any]) -> None:
    """Make sixty schools, each with three settled deliveries of one unit."""
    await ledgers.make_register(c, SCHOOLS)
    await ledgers.record_events(c, 3, body=20)
    await ledgers.settle_everything(c)
    await c.execute(
        "insert into tallies select 0, destination, status, expects_report, count(*) from deliveries group by 2, 3, 4"
    )


def wanted(kind: BulkKind = BulkKind.REPLAY, rate: int = 50, **chosen: Any) -> BulkJobRequest:
    """Make a request for a job."""
    return BulkJobRequest(kind=kind, chosen=BulkSelection(**chosen), rate=rate)


def by(actor: str, moment: datetime = NOW) -> Actor:
    """Make an operator as the actor."""
    return Actor(caller=operator(actor), at=moment, reason="because")


async def submit(c: Connection, what: BulkJobRequest, actor: str = "ann", above: int = 1000) -> BulkJob:
    """Submit a job, in a transaction of its own."""
    async with c.transaction():
        return await bulk.submit(c, what, by(actor), above)


async def turn(c: Connection, moment: datetime = NOW) -> BatchResult | None:
    """Run a batch, in a transaction of its own."""
    async with c.transaction():
        return await bulk.run_batch(c, moment, 0)


async def finish(c: Connection, act: BulkJob, moment: datetime = NOW) -> BulkJob:
    """Run batches until a job has ended, as time passes."""
    while (now := await bulk.read(c, act.id)).state is BulkState.RUNNING:
        await turn(c, moment)
        moment += timedelta(seconds=1)
    return now


async def assert_right(c: Connection) -> None:
    """Check the whole ledger."""
    broken = (await check_ledger(c, NOW)).violations
    assert broken == []


async def everything(c: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Read all rows of all tables but those of processes."""
    tables = await c.fetch("select tablename as t from pg_tables where schemaname = 'public' order by 1")
    return {
        row["t"]: [tuple(each) for each in await c.fetch(f"select * from {row['t']} order by 1, 2")]  # noqa: S608
        for row in tables
        if row["t"] not in ("processes", "alembic_version", "hub_state")
    }
