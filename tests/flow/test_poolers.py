"""A pooler before the database: everything works as without one, in session mode and in transaction mode."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import pytest

from hub.errors import ConfigurationError
from hub.store.connections import connect, find_mode
from hub.store.pool import open_pool
from hub.store.pooler import PoolerMode
from hub.store.waiting import check_addresses
from hub.store.writable import prove_writable_at
from tests.support.lanes.forwarding import forwarder, settings_for, until
from tests.support.lanes.many_systems import counts, make_crowd, subscribe_all, tell
from tests.support.receivers.receiver import receiver
from tests.support.receivers.recording_receivers import inversions, messages
from tests.support.register.subscriptions import assert_books_right
from tests.support.sealing_keys import new_key
from tests.support.servers.forked_commands import Run, run_all
from tests.support.servers.poolers import MISSING, PGBOUNCER, pgbouncer, strict_pooler

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hub.store.pool import Connection

real = pytest.mark.skipif(PGBOUNCER is None, reason=MISSING)
MODES: Final = [mode for mode in PoolerMode if mode is not PoolerMode.NONE]
COMMANDS: Final = [
    ("migrate",),
    ("agreements", "show", "41561"),
    ("status", "18DS"),
    ("lag",),
    ("deliveries",),
    ("hold", "duo:rio", "--reason", "a test"),
    ("release", "duo:rio", "--reason", "a test"),
    ("replay", "--destination", "duo:rio", "--dry-run"),
    ("acts", "list"),
    ("parked", "list"),
    ("keys", "list"),
    ("verify",),
    ("retention", "--dry-run"),
    ("people", "show", "somebody"),
]
UNKNOWN: Final = {
    ("agreements", "show", "41561"): "41561",
    ("status", "18DS"): "18DS",
    ("people", "show", "somebody"): "nobody is known",
}
"""Commands about what is not there: they say so, and end with 2."""
SETTINGS: Final = "select array_agg(setting order by name) from pg_settings where name = any($1)"
NAMES: Final = ("TimeZone", "enable_seqscan", "statement_timeout", "transaction_isolation")


async def run_commands(folder: Path, dsn: str, direct: str) -> None:
    """Run every command, and hold that each says what it says without a pooler."""
    settings = {
        "OSR_HUB_DATABASE__DSN": dsn,
        "OSR_HUB_DATABASE__DIRECT_DSN": direct,
        "OSR_HUB_SECRETS__KEYS": new_key(),
    }
    runs = [Run(words=("osr-hub", *words), settings=settings) for words in COMMANDS]
    found = dict(zip(COMMANDS, await run_all(runs, folder), strict=True))
    for words, outcome in found.items():
        unknown = UNKNOWN.get(words, "")
        assert (outcome.code, unknown in outcome.said) == (2 if unknown else 0, True), (words, outcome)
        assert "Traceback" not in outcome.said


async def use(pool: Any, n: int) -> Sequence[Any]:
    """Ask by itself and in a transaction, as statements of the hub do."""
    alone = await pool.fetchval(SETTINGS, NAMES)
    async with pool.acquire() as c, c.transaction():
        assert await c.fetchval("select $1::integer", n) == n
        await c.execute("select pg_sleep(0.001)")
        inside = await c.fetchval(SETTINGS, NAMES)
    return [alone, inside]


async def test_a_pooler_that_refuses_parameters_is_no_obstacle(database: str, tmp_path: Path) -> None:
    """Nothing but a name is asked for at the start; the rest is set afterwards, and commands work."""
    async with strict_pooler(database) as pooled:
        assert await find_mode(pooled) is PoolerMode.SESSION
        await run_commands(tmp_path, pooled, pooled)


@real
@pytest.mark.parametrize("mode", MODES)
async def test_commands_say_the_same_through_pgbouncer(database: str, tmp_path: Path, mode: PoolerMode) -> None:
    """Each of them, `migrate` past the pooler where it is in transaction mode."""
    async with pgbouncer(database, mode) as pooled:
        assert await find_mode(pooled) is mode
        await run_commands(tmp_path, pooled, database if mode is PoolerMode.TRANSACTION else pooled)
        await prove_writable_at(pooled)


@real
@pytest.mark.parametrize("mode", MODES)
async def test_statements_have_their_settings_whichever_server_they_get(
    database: str, connection: Connection, mode: PoolerMode
) -> None:
    """Two pools share two servers, whose role has settings of its own; prepared statements do not collide."""
    name = database.rpartition("/")[2]
    await connection.execute(f"alter database {name} set timezone = 'Asia/Kolkata'")
    await connection.execute(f"alter database {name} set default_transaction_isolation = 'serializable'")
    await connection.execute(f"alter database {name} set statement_timeout = '20s'")
    servers = 2 if mode is PoolerMode.TRANSACTION else 12
    async with pgbouncer(database, mode, servers) as pooled:
        hot = await open_pool(pooled, name="hot", max_size=3, is_hot=True)
        cold = await open_pool(pooled, name="cold", max_size=3)
        try:
            for pool, scan in ((hot, "off"), (cold, "on")):
                every = await asyncio.gather(*(use(pool, n) for n in range(20)), *(use(hot, n) for n in range(20)))
                assert every[:20] == [[["UTC", scan, "0", "read committed"]] * 2] * 20
        finally:
            await hot.close()
            await cold.close()


@real
async def test_what_needs_a_session_says_so(database: str) -> None:
    """LISTEN, advisory locks and migrations through a pooler in transaction mode are refused in a sentence."""
    async with pgbouncer(database, "transaction") as pooled:
        with pytest.raises(ConfigurationError, match="transaction mode") as caught:
            await connect(pooled, "a test", needs_session=True)
        assert "OSR_HUB_DATABASE__DIRECT_DSN" in str(caught.value)
        with pytest.raises(ConfigurationError):
            await check_addresses(settings_for(pooled).database, needs_session=True)


@real
async def test_messages_go_out_through_a_pooler_in_transaction_mode(connection: Connection, database: str) -> None:
    """A forwarder delivers all, in order, and the books are right."""
    (oin,) = await make_crowd(connection, 1, 20)

    async def is_done() -> bool:
        return await counts(connection, oin) == {"delivered": 100}

    async with receiver() as hook, pgbouncer(database, "transaction", 2) as pooled:
        await subscribe_all(connection, [oin], [hook.url])
        await tell(connection, [oin], 5)
        async with forwarder(settings_for(pooled, {"OSR_HUB_DATABASE__DIRECT_DSN": database})):
            await until(is_done, within=60)
    assert inversions(messages(hook.got)) == []
    await assert_books_right(connection)
