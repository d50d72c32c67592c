"""The database changes over: connections are cut, nothing can be written for a while; workers go on by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.lanes.forwarding import forwarder, settings_for, until
from tests.support.lanes.many_systems import counts, make_crowd, subscribe_all, tell
from tests.support.receivers.receiver import receiver
from tests.support.receivers.recording_receivers import inversions, messages
from tests.support.register.subscriptions import assert_books_right

if TYPE_CHECKING:
    from hub.store.pool import Connection

CUT = """select count(pg_terminate_backend(pid)) from pg_stat_activity
          where application_name like 'osr-hub %' and datname = current_database()"""
BACK = """select count(*) >= 1 from pg_stat_activity
           where application_name = 'osr-hub listener' and datname = current_database()"""
"""The connection that stays: others are closed when they turn out to be unable to write."""


async def test_a_forwarder_outlives_a_failover(connection: Connection, database: str) -> None:
    """What came in meanwhile is delivered afterwards, in order, and the books are right."""
    (oin,) = await make_crowd(connection, 1, 20)
    name = database.rpartition("/")[2]

    async def is_done(n: int) -> bool:
        return await counts(connection, oin) == {"delivered": n}

    async def is_back() -> bool:
        return bool(await connection.fetchval(BACK))

    async with receiver() as hook:
        await subscribe_all(connection, [oin], [hook.url])
        await tell(connection, [oin], 5)
        async with forwarder(settings_for(database)):
            await until(lambda: is_done(100), within=60)
            await connection.execute(f"alter database {name} set default_transaction_read_only = on")
            assert await connection.fetchval(CUT) >= 2
            await tell(connection, [oin], 5)
            await until(is_back, within=60)
            assert not await is_done(200)
            await connection.execute(f"alter database {name} reset default_transaction_read_only")
            await until(lambda: is_done(200), within=60)
    assert inversions(messages(hook.got)) == []
    await assert_books_right(connection)
