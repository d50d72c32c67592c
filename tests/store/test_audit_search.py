"""The audit is looked through in parts, and a day is found in it by halves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hub.store import audit_search
from hub.store.audit_search import AuditSearch, search_audit

if TYPE_CHECKING:
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


async def test_an_empty_audit_has_nothing(connection: Connection) -> None:
    """Neither entries nor a place to go on."""
    await connection.execute("delete from audit")
    assert await search_audit(connection, AuditSearch(until=START), 5) == ([], None)
