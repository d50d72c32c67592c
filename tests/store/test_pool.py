"""Connection settings last as long as the connection; transactions do not."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from hub.store import database_session
from hub.store.connections import connect
from hub.store.pool import open_pool

if TYPE_CHECKING:
    import pytest

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


async def test_old_connections_are_replaced(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that has lived its time is closed when it comes back, while others wait for one."""
    monkeypatch.setattr(database_session, "LONGEST_LIFE_SECONDS", 0.0)
    pool = await open_pool(database, name="a test", max_size=2, is_hot=True)
    try:
        found = await asyncio.gather(*(pool.fetchval("select pg_backend_pid()") for _ in range(12)))
    finally:
        await pool.close()
    assert len(set(found)) == 12


async def test_a_connection_that_is_cut_in_silence_is_noticed(database: str) -> None:
    """The system asks the other side of a silent line whether it is there, and gives unanswered bytes up."""
    session = await connect(database, "a test")
    try:
        line = session._transport.get_extra_info("socket")  # type: ignore[attr-defined]  # noqa: SLF001
        assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
    finally:
        await session.close()
