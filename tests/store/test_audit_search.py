"""The audit is looked through in parts, and a day is found in it by halves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hub.store import audit_search
from hub.store.audit_search import AuditSearch, list_audit, search_audit
from tests.support.sessions import prefer_index_lookups

if TYPE_CHECKING:
    from typing import Any

    import asyncpg
    import pytest

    from hub.store.pool import Connection

START = datetime(2026, 1, 1, tzinfo=UTC)
INSERT = """
insert into audit (id, at, actor, action, brin, subject, number, seal)
overriding system value
select n, $1::timestamptz + make_interval(days => n::int / 10), 'hub',
       case when n = 30 then 'destination.held' else 'mandate.granted' end, case when n % 2 = 0 then '18DS' end, '{}',
       n, decode(lpad(to_hex(n), 64, '0'), 'hex')
  from generate_series(10, 1000, 10) n
"""


async def test_a_rare_action_is_found_part_by_part(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page reads a part, and says where to go on; the last one that there is no more."""
    monkeypatch.setattr(audit_search, "AUDIT_CHUNK", 40)
    await connection.execute(INSERT, START)
    found, parts, before = [], 0, None
    while True:
        part, before = await search_audit(connection, AuditSearch(actions=["destination.held"], before=before), 50)
        found += part
        parts += 1
        if before is None:
            break
    assert ([each.id for each in found], parts) == ([30], 3)


async def test_a_day_long_ago_is_read_at_once(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search begins at the day, not at the newest entry, and ends after it."""
    monkeypatch.setattr(audit_search, "AUDIT_CHUNK", 10)
    await connection.execute(INSERT, START)
    day = START + timedelta(days=20)
    found, more = await search_audit(connection, AuditSearch(since=day, until=day + timedelta(days=3)), 50)
    assert [each.id for each in found] == [230, 220, 210, 200]
    assert more is None
    found, more = await search_audit(connection, AuditSearch(until=day), 5)
    assert ([each.id for each in found], more) == ([200, 190, 180, 170, 160], 160)


YEARS = """
insert into audit (id, at, actor, action, brin, subject, number, seal)
overriding system value
select n, $1::timestamptz + make_interval(mins => n * 20), 'hub', 'mandate.granted',
       case when n % 1000 = 0 then '18DS' else '00AA' end, '{}',
       n, decode(lpad(to_hex(n), 64, '0'), 'hex')
  from generate_series(1, 60000) n
"""
BLOCKS = """
select t.heap_blks_read + t.heap_blks_hit + coalesce(t.idx_blks_read, 0) + coalesce(t.idx_blks_hit, 0)
  from pg_statio_user_tables t where t.relname = 'audit'
"""


async def blocks_read(c: asyncpg.Connection[Any]) -> int:
    """Return how many blocks of the audit and its indexes were read so far."""
    await c.execute("select pg_stat_force_next_flush()")
    await c.execute("select pg_stat_clear_snapshot()")
    return int(await c.fetchval(BLOCKS))


async def test_a_list_reads_the_days_that_are_asked_for(
    connection: asyncpg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty days of the year before last, a quiet school and an empty day cost some of two years' blocks."""
    monkeypatch.setattr(audit_search, "AUDIT_CHUNK", 1000)
    await connection.execute(YEARS, START)
    await connection.execute("vacuum analyze audit")
    await prefer_index_lookups(connection)
    whole = int(await connection.fetchval("select pg_relation_size('audit') / current_setting('block_size')::int"))
    day = START + timedelta(days=30)
    asked = (
        (AuditSearch(since=day, until=day + timedelta(days=60)), 4000, 4000),
        (AuditSearch(since=day, until=day + timedelta(days=1)), 4000, 73),
        (AuditSearch(until=START - timedelta(days=1)), 4000, 0),
        (AuditSearch(brin="18DS"), 100, 60),
    )
    for wanted, most, expected in asked:
        before = await blocks_read(connection)
        assert len(await list_audit(connection, wanted, most)) == expected, wanted
        assert await blocks_read(connection) - before < whole / 3, wanted


async def test_a_list_is_the_same_in_small_parts(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list has what all entries hold, however small the parts are in which it is read."""
    monkeypatch.setattr(audit_search, "AUDIT_CHUNK", 7)
    await connection.execute(INSERT, START)
    everything = [each["id"] for each in await connection.fetch("select id from audit order by id desc")]
    assert [each.id for each in await list_audit(connection, AuditSearch(), 1000)] == everything
    assert [each.id for each in await list_audit(connection, AuditSearch(brin="18DS"), 1000)] == everything
    held = await list_audit(connection, AuditSearch(actions=["destination.held"]), 10)
    assert [each.id for each in held] == [30]


async def test_an_import_is_one_entry_or_all_of_its_schools(connection: Connection) -> None:
    """Folded, only the entry of the file is found; by its digest, the entries of its schools and its own."""
    await connection.execute(INSERT, START)
    await connection.execute("""update audit set subject = '{"sha256": "f1"}' where id between 500 and 590""")
    await connection.execute("update audit set action = 'file.imported' where id = 590")
    folded = [each.id for each in await list_audit(connection, AuditSearch(is_folded=True), 1000)]
    assert [n for n in folded if 500 <= n <= 590] == [590]
    assert len(folded) == 91
    assert [each.id for each in await list_audit(connection, AuditSearch(file="f1"), 1000)] == [*range(590, 499, -10)]
    assert await list_audit(connection, AuditSearch(file="f2"), 1000) == []


async def test_an_empty_audit_has_nothing(connection: Connection) -> None:
    """Neither entries nor a place to go on."""
    await connection.execute("delete from audit")
    assert await search_audit(connection, AuditSearch(until=START), 5) == ([], None)
