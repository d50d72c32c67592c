"""Connections are opened and used before a caller needs them, so that no caller is the first on any of them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from hub.api.warm_pool import fill, warm_up
from hub.clock import now, today
from hub.observe.status import school_status
from hub.store import database_session
from hub.store.pool import open_pool
from schemas.identifiers import Brin
from tests.support.api.school_calls import fill_register

if TYPE_CHECKING:
    import pytest

    from hub.store.pool import Connection, Pool

PREPARED = "select array_agg(statement order by statement) from pg_prepared_statements"


async def test_no_caller_is_the_first_on_a_connection(database: str) -> None:
    """After filling, all connections are open, and reading the status of a school prepares no further statement."""
    pool = await open_pool(database, name="a test", max_size=4, is_lazy=True, warm_up=warm_up)
    try:
        async with pool.acquire() as c:
            await fill_register(c)
        await fill(pool)
        assert pool.get_size() == 4
        assert pool.get_idle_size() == 4
        async with AsyncExitStack() as held:
            for c in [await held.enter_async_context(pool.acquire()) for _ in range(4)]:
                await c.fetchval(PREPARED)
                before = await c.fetchval(PREPARED)
                assert await school_status(c, Brin("18DS"), now(), today(now())) is not None
                assert await c.fetchval(PREPARED) == before
    finally:
        await pool.close()


async def test_a_connection_that_ended_is_replaced_before_it_is_needed(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is closed for its age is opened and used anew when the pool is filled again."""
    used: list[Connection] = []

    async def use(c: Connection) -> None:
        used.append(c)

    pool = await open_pool(database, name="a test", max_size=2, is_lazy=True, warm_up=use)
    try:
        await fill(pool)
        assert len(used) == 2
        with monkeypatch.context() as patched:
            patched.setattr(database_session, "LONGEST_LIFE_SECONDS", 0.0)
            async with pool.acquire():
                pass
        assert pool.get_size() == 1
        await fill(pool)
        assert (pool.get_size(), len(used)) == (2, 3)
    finally:
        await pool.close()


async def test_a_database_without_tables_can_be_connected_to(empty_database: str) -> None:
    """What a call needs and is not there, the call finds, not the connection."""
    pool = await open_pool(empty_database, name="a test", max_size=2, is_lazy=True, warm_up=warm_up)
    try:
        await fill(pool)
        assert await pool.fetchval("select 1") == 1
    finally:
        await pool.close()


async def test_those_who_need_a_connection_meanwhile_get_one(database: str) -> None:
    """Filling a pool waits for nobody who holds a connection, and leaves none held."""
    pool = await open_pool(database, name="a test", max_size=3, is_lazy=True, warm_up=warm_up)
    try:
        async with pool.acquire(), pool.acquire():
            await asyncio.gather(fill(pool), _ask(pool), _ask(pool))
        assert pool.get_idle_size() == 3
    finally:
        await pool.close()


async def _ask(pool: Pool) -> None:
    assert await pool.fetchval("select 1") == 1


async def test_a_connection_that_nobody_waits_for_any_more_is_closed(database: str) -> None:
    """Whoever gives up while it is used for the first time leaves none open that the pool does not know."""
    warming = asyncio.Event()
    made: list[Connection] = []

    async def never_end(c: Connection) -> None:
        made.append(c)
        warming.set()
        await asyncio.Event().wait()

    pool = await open_pool(database, name="a test", max_size=1, is_lazy=True, warm_up=never_end)
    asking = asyncio.create_task(pool.fetchval("select 1"))
    await warming.wait()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert made[0].is_closed()
    await pool.close()
