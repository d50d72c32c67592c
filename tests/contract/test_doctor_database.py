"""The doctor on databases that others have set up: each finding says what is wrong and what to do."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hub.commands.doctor import database as check_database
from hub.settings import load

if TYPE_CHECKING:
    from hub.store.pool import Connection


async def look(dsn: str) -> list[str]:
    """Return the lines of the doctor's check of a database."""
    return [str(finding) for finding in await check_database.check(load({"OSR_HUB_DATABASE__DSN": dsn}))]


async def test_a_database_that_is_well(database: str) -> None:
    """Schema, clock, connections, role, changes and pooler are said."""
    said = "\n".join(await look(database))
    for words in (
        "well   database: schema",
        "well   clocks: 0.",
        "well   role: postgres may read and write all tables",
        "well   changes: a commit is kept",
        "well   pooler: none",
    ):
        assert words in said


async def test_a_database_that_takes_no_changes(database: str, connection: Connection) -> None:
    """It answers, and still it is found to be read-only."""
    name = database.rpartition("/")[2]
    await connection.execute(f"alter database {name} set default_transaction_read_only = on")
    said = await look(database)
    assert any(line.startswith("WRONG  changes: the database is read-only now") for line in said)
    assert "well   pooler: none" in said


async def test_settings_and_rights_of_a_role_are_named(database: str, connection: Connection) -> None:
    """A role that may not write the tables, and settings that the hub overrules, are findings."""
    role, where = f"osr_{uuid.uuid4().hex[:8]}", urlsplit(database)
    await connection.execute(f"create role {role} login password 'hush'")
    try:
        for statement in (
            "grant select, insert, update, delete on all tables in schema public to {}",
            "revoke all on mandates from {}",
            "alter role {} set statement_timeout = '10s'",
            "alter role {} set work_mem = '8MB'",
        ):
            await connection.execute(statement.format(role))
        said = await look(where._replace(netloc=f"{role}:hush@{where.hostname}:{where.port}").geturl())
    finally:
        await connection.execute(f"drop owned by {role}; drop role {role}")
    assert f"WRONG  role: {role} may not read and write mandates; make it the owner of these tables" in said
    assert any("uses its own statement_timeout instead" in line for line in said)
    assert "well   settings of the role: it keeps the role's or the database's work_mem" in said
