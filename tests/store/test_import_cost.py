"""The cost of a mandate of a large file, in calls of Python and statements, against a recorded baseline."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import pytest

from hub.domain.system import System
from hub.imports import import_mandates, mandates
from hub.register import moment
from hub.store import register
from hub.store.database_session import DatabaseSession
from schemas.identifiers import Oin
from tests.support.register.schools import add_schools, numbered_brin, small_schools

if TYPE_CHECKING:
    from hub.store.pool import Connection

SERVICES: Final = ("BRON_PO", "RIO", "VERZUIM", "VVA")
SCHOOLS: Final = 250
BUDGET: Final = 57
"""Calls of the hub's own functions per mandate, from the bytes of the file to what the database is given."""
PORTIONS: Final = 10
BESIDE: Final = 15
"""Statements of a file besides those of its portions: what is locked and read before, and the audit after."""
ROOT: Final = Path(mandates.__file__).parents[2]
ROOMS: Final = (f"{ROOT / 'hub'}/", f"{ROOT / 'schemas'}/")
SUPPLIER: Final = Oin("00000099000000005000")
AT: Final = moment(datetime(2026, 11, 23, 9, tzinfo=UTC))
HEADER: Final = "brin;service_code;supplier_oin;start_date;end_date;branch;routing_id\n"


@pytest.fixture
async def file(connection: Connection) -> bytes:
    """Give a file of four mandates for each of the schools that are in the register."""
    brins = [numbered_brin(n) for n in range(SCHOOLS)]
    await add_schools(connection, *small_schools(brins))
    system = System(supplier_oin=SUPPLIER, name="A", service_codes=frozenset(SERVICES))
    await register.write_systems(connection, [system])
    rows = (f"{brin};{service};{SUPPLIER};{AT.today};;;" for brin in brins for service in SERVICES)
    return (HEADER + "\n".join(rows)).encode()


async def test_a_mandate_costs_a_bounded_number_of_calls(connection: Connection, file: bytes) -> None:
    """Read, checked, made, written and audited: each costs what it did before."""
    calls = Counter[str]()

    def count(frame: Any, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(ROOMS):
            calls[frame.f_code.co_qualname] += 1

    async with connection.transaction():
        sys.setprofile(count)
        try:
            done = await import_mandates(connection, file, AT)
        finally:
            sys.setprofile(None)
    each = calls.total() / done.created
    print(f"\n{each:.1f} calls per mandate: {calls.most_common(40)}")
    assert done.created == done.events == SCHOOLS * len(SERVICES)
    assert each <= BUDGET


async def test_a_portion_is_four_statements(
    connection: Connection, file: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each portion costs four statements, and what comes before and after them costs the same for any file."""
    copied: list[str] = []
    queries: list[str] = []
    copy = asyncpg.Connection.copy_records_to_table

    async def note_and_copy(c: Any, table: str, **more: Any) -> str:
        copied.append(table)
        return await copy(c, table, **more)

    monkeypatch.setattr(asyncpg.Connection, "copy_records_to_table", note_and_copy)
    monkeypatch.setattr(mandates, "PORTION", SCHOOLS * len(SERVICES) // PORTIONS)
    async with connection.transaction():
        with connection.query_logger(lambda record: queries.append(" ".join(record.query.split()[:2]))):
            await import_mandates(connection, file, AT)
    assert copied == ["mandates", "events", "event_outbox"] * PORTIONS
    assert queries.count("with mandate") == PORTIONS
    assert len([query for query in queries if query not in ("with mandate", "WITH RECURSIVE")]) == BESIDE


async def test_what_fails_while_the_next_is_made_leaves_nothing(
    connection: Connection, file: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database refuses a portion while the next one is being made: the error rises, and nothing is there."""
    monkeypatch.setattr(mandates, "PORTION", 100)
    await connection.execute("alter table mandates add constraint few check (brin < '90')")
    with pytest.raises(asyncpg.CheckViolationError):
        async with connection.transaction():
            await import_mandates(connection, file, AT)
    counts = await connection.fetchrow(
        "select (select count(*) from mandates), (select count(*) from events), (select count(*) from audit)"
    )
    assert tuple(counts or ()) == (0, 0, 0)


async def test_a_file_goes_in_over_a_connection_that_keeps_no_statements(
    connection: Connection, database: str, file: bytes
) -> None:
    """As behind a pooler in transaction mode: every kind of row arrives as over a connection of its own."""
    shared = await asyncpg.connect(database, connection_class=DatabaseSession, statement_cache_size=0)
    try:
        await shared.set_up({}, per_transaction=True)
        async with shared.transaction():
            done = await import_mandates(shared, file, AT)
    finally:
        await shared.close()
    assert done.created == SCHOOLS * len(SERVICES)
    kinds = await connection.fetch("select type::text as kind, jsonb_typeof(units) as form from events group by 1, 2")
    assert [tuple(kind) for kind in kinds] == [("granted", "array")]
