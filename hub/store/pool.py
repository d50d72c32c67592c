"""Connections to Postgres. In: a DSN. Out: a pool of few connections (few cores serve few connections best)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import asyncpg

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
else:
    Pool = asyncpg.Pool
    Connection = asyncpg.Connection


async def open_pool(dsn: str, *, name: str, most: int = 4) -> Pool:
    """Open a pool of at most `most` connections that show up as `name` in pg_stat_activity."""
    return await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=most,
        command_timeout=60,
        server_settings={"application_name": f"osr-hub {name}", "jit": "off"},
    )
