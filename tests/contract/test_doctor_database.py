"""The doctor on databases that others have set up: each finding says what is wrong and what to do."""

from __future__ import annotations

import shutil
import uuid
from collections import namedtuple
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from hub.clock import now
from hub.commands.doctor import database as check_database
from hub.commands.doctor import processes as check_processes
from hub.commands.doctor.disks import GIGABYTE, judge_disk
from hub.settings import load
from hub.store.processes import own_version

if TYPE_CHECKING:
    from hub.store.pool import Connection


usage = namedtuple("usage", ("total", "used", "free"))  # noqa: PYI024 - as shutil has it


async def look(dsn: str) -> list[str]:
    """Return the lines of the doctor's check of a database."""
    return [str(finding) for finding in await check_database.check(load({"OSR_HUB_DATABASE__DSN": dsn}))]


async def test_a_database_that_is_well(database: str) -> None:
    """Schema, clock, connections, role, changes and pooler are said."""
    said = "\n".join(await look(database))
    for words in (
        "well   database: schema",
        "well   clock of the database: 0.",
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


async def test_a_machine_whose_clock_is_wrong(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each side is named, and which of them is ahead."""
    monkeypatch.setattr(check_database, "now", lambda: now() - timedelta(seconds=60))
    said = "\n".join(await look(database))
    assert "WRONG  clock of the database: 60." in said or "WRONG  clock of the database: 59." in said
    assert "ahead of the clock of this machine; let both take their time from the same servers" in said


async def test_a_disk_without_room(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk of a database on this machine is looked at, if its folder can be seen from here."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage(400 * 2**30, 0, 10 * 2**30))
    said = "\n".join(await look(database))
    assert "WRONG  disk of the database: 10.0 of 400 GB are free at /" in said


@pytest.mark.parametrize(
    ("total", "free", "is_well"),
    [(10, 3, True), (10, 1, False), (400, 30, True), (400, 10, False), (8000, 60, True), (8000, 40, False)],
)
def test_the_room_that_a_disk_must_have(total: int, free: int, *, is_well: bool) -> None:
    """Two gigabytes; five percent of a large disk, and fifty gigabytes of a very large one."""
    assert judge_disk("disk", "/", total * GIGABYTE, free * GIGABYTE).is_well is is_well


async def test_processes_of_other_versions_are_named(database: str, connection: Connection) -> None:
    """One of another version, one that tells none, and one of the doctor's own version, which is no finding."""
    insert = "insert into processes (role, host, pid, version) values ('serve', 'here', $1, $2)"
    for pid, version in ((7, "0.0.9"), (8, None), (9, own_version())):
        await connection.execute(insert, pid, version)
    found = await check_processes.check(load({"OSR_HUB_DATABASE__DSN": database}))
    said = [str(each) for each in found if each.what == "serve"]
    assert [line.partition(", and this")[0] for line in said] == [
        "WRONG  serve: process 7 on here runs version 0.0.9",
        "WRONG  serve: process 8 on here runs a version that does not tell its number",
    ]
    assert all(line.endswith("; bring all to one version and start them again") for line in said)
