"""Lock order: each writer waits for its first lock before it holds one that others need."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hub import plan, register
from hub.clock import now
from hub.domain.keys import LaneKey
from hub.errors import NotFound
from hub.operations import controls
from hub.store import destinations, retention
from tests.support.lanes.ledger_states import plan_all, report, take
from tests.support.register.bulk_jobs import by
from tests.support.register.subscriptions import at, grant, make_register
from tests.support.sessions import prefer_index_lookups

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from hub.store.pool import Connection, Pool

RIO = "duo:rio"
HOLD = "select id from destinations where id = $1 for no key update"
WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


@pytest.fixture
async def one(pool: Pool) -> AsyncIterator[Connection]:
    """The connection that comes first."""
    async with pool.acquire() as c:
        await make_register(c)
        yield c


@pytest.fixture
async def other(pool: Pool) -> AsyncIterator[Connection]:
    """The connection that waits."""
    async with pool.acquire() as c:
        yield c


async def begin(c: Connection, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Start work on another connection, and return when it waits for a lock of this one."""
    task = asyncio.create_task(work)
    while not await c.fetchval(WAITING):
        assert not task.done(), "it did not wait"
        await asyncio.sleep(0.01)
    return task


async def in_transaction(c: Connection, work: Coroutine[Any, Any, Any]) -> Any:
    """Run work in a transaction of its own."""
    async with c.transaction():
        return await work


async def test_what_was_taken_is_noted_in_the_order_of_destinations(one: Connection, other: Connection) -> None:
    """Writing `accepted_at` locks destinations in the order of their ids."""
    first, second = [row["id"] for row in await one.fetch("select id from destinations order by id limit 2")]
    await prefer_index_lookups(other)
    async with one.transaction():
        await one.fetch(HOLD, first)
        noting = await begin(one, destinations.write_accepted(other, {second: now(), first: now()}))
        await one.fetch(HOLD, second)
    await noting


async def test_moments_are_forgotten_in_the_order_of_destinations(one: Connection, other: Connection) -> None:
    """Resetting deadlines locks destinations in the order of their ids, whatever the physical order of rows."""
    first, second = [row["id"] for row in await one.fetch("select id from destinations order by id limit 2")]
    await one.execute("update destinations set pace = pace where id = $1", first)
    async with one.transaction():
        await one.fetch(HOLD, first)
        forgetting = await begin(one, in_transaction(other, destinations.reset_deadlines(other)))
        await one.fetch(HOLD, second)
    await forgetting


async def test_old_news_holds_its_destination_before_any_lane(one: Connection, other: Connection) -> None:
    """A planner of old events waits for a destination before it locks any lane."""
    mandate = await grant(one, service="RIO")
    await plan_all(one)
    rio = await one.fetchval("select id from destinations where name = $1", RIO)
    async with one.transaction():
        await register.amend(one, mandate.id, register.DateChange(end_date=at().today + timedelta(days=400)), at())
    late = now() + timedelta(minutes=10)
    async with one.transaction():
        await one.fetch(HOLD, rio)
        planning = await begin(one, in_transaction(other, plan.plan(other, {"18DS": late}, late, 0)))
        assert len(await one.fetch("select brin from lanes where destination = $1 for update", rio)) == 1
    assert len((await planning).planned) == 1


async def test_a_cancellation_that_meets_retention_finds_nothing(one: Connection, other: Connection) -> None:
    """A cancellation that waited for retention finds its delivery deleted, and reports it as unknown."""
    mandate = await grant(one, service="RIO")
    for days in (400, 4000):
        async with one.transaction():
            await register.amend(one, mandate.id, register.DateChange(end_date=at().today + timedelta(days=days)), at())
    await plan_all(one)
    await take(one, RIO)
    rows = await one.fetch("select id, destination, brin from deliveries order by sequence")
    for row in rows:
        await report(one, str(row["id"]), "processed")
    async with one.transaction():
        lane = LaneKey(rows[0]["destination"], rows[0]["brin"])
        gone, _ = await retention.thin_lanes(one, [lane], now() + timedelta(days=1), date(2026, 1, 1))
        assert gone == len(rows) - 1
        cancelling = await begin(one, in_transaction(other, controls.cancel(other, rows[0]["id"], by("ann"), 9)))
    with pytest.raises(NotFound, match="no delivery"):
        await cancelling
