"""A grown ledger is as the hub itself would have left it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.clock import now
from hub.observe.books import IN_PORTIONS, READ_AT_ONCE, Rule, check_ledger
from hub.store import consistency
from tests.bench.grow import Growth, grow

if TYPE_CHECKING:
    import asyncpg
    import pytest


async def test_a_grown_ledger_passes_the_ledger_check(connection: asyncpg.Connection[Any]) -> None:
    """All rules hold, and every delivery is settled; a second portion goes on where the first ended."""
    heard: list[int] = []
    added = await grow(connection, Growth(deliveries=900, schools=30, days=100), heard.append)
    assert (added, heard[-1]) == (960, 960)
    check = await check_ledger(connection, now())
    assert check.violations == []
    assert check.events == await connection.fetchval("select count(*) from deliveries") == 960
    assert await connection.fetchval("select count(*) from lanes where head = tail and due is null") == 120


async def test_a_check_in_portions_reads_each_block(
    connection: asyncpg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a block at a time, a wrong row in the first block and one in the last are found, and the steps add up."""
    await grow(connection, Growth(deliveries=900, schools=30, days=100), lambda _: None)
    monkeypatch.setattr(consistency, "BLOCKS_AT_ONCE", 1)
    shown: list[tuple[int, int]] = []
    assert (await check_ledger(connection, now(), lambda done, total: shown.append((done, total)))).ok
    blocks = await connection.fetchval("select pg_relation_size('deliveries') / 8192")
    total = READ_AT_ONCE + IN_PORTIONS * blocks
    assert blocks > 10
    assert shown == [(done, total) for done in range(1, total + 1)]
    ends = tuple(await connection.fetchrow("select min(ctid), max(ctid) from deliveries") or ())
    for end in ends:
        await connection.execute(
            "update deliveries set id = gen_random_uuid(), expects_report = false where ctid = $1", end
        )
    found = [violation.rule for violation in (await check_ledger(connection, now())).violations]
    assert (found.count(Rule.PLANNED_TWICE), found.count(Rule.STATUS)) == (2, 2)
