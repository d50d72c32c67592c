"""A grown ledger is as the hub itself would have left it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.clock import now
from hub.observe.books import check_ledger
from tests.bench.grow import Growth, grow

if TYPE_CHECKING:
    import asyncpg


async def test_a_grown_ledger_passes_the_ledger_check(connection: asyncpg.Connection[Any]) -> None:
    """All rules hold, and every delivery is settled; a second portion goes on where the first ended."""
    heard: list[int] = []
    added = await grow(connection, Growth(deliveries=900, schools=30, days=100), heard.append)
    assert (added, heard[-1]) == (960, 960)
    check = await check_ledger(connection, now())
    assert check.violations == []
    assert check.events == await connection.fetchval("select count(*) from deliveries") == 960
    assert await connection.fetchval("select count(*) from lanes where head = tail and due is null") == 120
