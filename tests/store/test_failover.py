"""A database that becomes read-only for a while: connections of that time are thrown away, and work goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg
import pytest

from hub.store.pool import is_transient, open_pool
from hub.store.writable import prove_writable, prove_writable_at

if TYPE_CHECKING:
    from hub.store.pool import Connection

READ_ONLY = "alter database {} set default_transaction_read_only = {}"
KILL = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'osr-hub a test'"


async def set_read_only(c: Connection, database: str, value: str) -> None:
    """Make new connections read-only, or not."""
    await c.execute(READ_ONLY.format(urlsplit(database).path[1:], value))


async def test_a_pool_recovers_from_a_time_without_a_primary(database: str, connection: Connection) -> None:
    """Connections that were opened meanwhile fail once, as something that passes, and are not used again."""
    await set_read_only(connection, database, "on")
    pool = await open_pool(database, name="a test", max_size=3, is_hot=True)
    try:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError) as caught:
            await pool.execute("create table made (n integer)")
        assert is_transient(caught.value)
        assert await pool.fetchval("select 1") == 1
        await set_read_only(connection, database, "off")
        async with pool.acquire() as one, pool.acquire() as two, pool.acquire() as three:
            for each in (one, two, three):
                await prove_writable(each)
    finally:
        await pool.close()


async def test_readiness_writes(database: str, connection: Connection) -> None:
    """A database that answers and takes no change is not ready; nothing is left of the proof."""
    await prove_writable_at(database)
    await set_read_only(connection, database, "on")
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await prove_writable_at(database)
    assert await connection.fetchval("select count(*) from processes") == 0


async def test_killed_connections_are_replaced(database: str, connection: Connection) -> None:
    """Idle connections that an administrator ended are not lent out again."""
    pool = await open_pool(database, name="a test", max_size=3, is_hot=True)
    try:
        assert await connection.fetchval(KILL) == 3
        while any(holder.is_connected() for holder in pool._holders):  # type: ignore[attr-defined]  # noqa: SLF001
            await connection.fetchval("select 1")
        async with pool.acquire() as one, pool.acquire() as two, pool.acquire() as three:
            assert [await each.fetchval("select 1") for each in (one, two, three)] == [1, 1, 1]
    finally:
        await pool.close()


@pytest.mark.parametrize("level", ["serializable", "repeatable read"])
async def test_settings_of_the_role_do_not_change_what_statements_mean(
    database: str, connection: Connection, level: str
) -> None:
    """Time-outs, isolation, time zone and search path are the hub's own on each connection, and stay so."""
    name = urlsplit(database).path[1:]
    for setting, value in {
        "statement_timeout": "'250ms'",
        "lock_timeout": "'250ms'",
        "idle_in_transaction_session_timeout": "'250ms'",
        "default_transaction_isolation": f"'{level}'",
        "timezone": "'Asia/Kolkata'",
        "datestyle": "'German'",
        "search_path": "'pg_catalog'",
        "bytea_output": "'escape'",
    }.items():
        await connection.execute(f"alter database {name} set {setting} = {value}")
    pool = await open_pool(database, name="a test", max_size=1, is_hot=True)
    try:
        for _ in range(2):  # the second time after a release
            async with pool.acquire() as c, c.transaction():
                await c.execute("select pg_sleep(0.3)")
                assert await c.fetchval("show transaction_isolation") == "read committed"
                assert await c.fetchval("select to_regclass('mandates')") is not None
                assert await c.fetchval("select '2026-01-02 00:00+00'::timestamptz::text") == "2026-01-02 00:00:00+00"
                assert await c.fetchval("select '\\x01'::bytea::text") == "\\x01"
    finally:
        await pool.close()
