"""Connection settings last as long as the connection; transactions do not."""

from __future__ import annotations

from hub.store.pool import open_pool

SETTINGS = "select array_agg(setting order by name) from pg_settings where name = any($1)"
NAMES = ("enable_hashjoin", "enable_mergejoin", "enable_seqscan", "jit", "plan_cache_mode")


async def test_hot_connections_look_up_by_key_however_often_they_are_used(database: str) -> None:
    """Planner settings survive the return of a connection to the pool."""
    pool = await open_pool(database, name="a test", max_size=1, is_hot=True)
    try:
        found = [await pool.fetchval(SETTINGS, NAMES) for _ in range(3)]
    finally:
        await pool.close()
    assert found == [["off", "off", "off", "off", "force_generic_plan"]] * 3


async def test_a_transaction_that_was_left_open_is_rolled_back(database: str) -> None:
    """A transaction left open is rolled back when the connection returns to the pool."""
    pool = await open_pool(database, name="a test", max_size=1)
    try:
        async with pool.acquire() as c:
            await c.execute("begin; create table left_open (n integer)")
        assert await pool.fetchval("select to_regclass('left_open')") is None
    finally:
        await pool.close()
