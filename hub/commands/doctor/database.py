"""Checks the database: schema, clock, server, disk, role, pooler, and whether a change can be committed."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING, Final

from hub.clock import now
from hub.commands.doctor.clocks import judge_clock
from hub.commands.doctor.disks import GIGABYTE, judge_disk
from hub.commands.doctor.finding import Finding, well, wrong
from hub.commands.doctor.sessions import open_any
from hub.errors import HubError
from hub.store import observe
from hub.store.connections import find_mode
from hub.store.inspection import RoleFacts, ServerFacts, find_data_folder, inspect_role, inspect_server
from hub.store.migrations import current_revision, newest_revision
from hub.store.pooler import PoolerMode
from hub.store.reasons import in_words
from hub.store.writable import prove_writable_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.settings import Settings
    from hub.store.pool import Connection

OLDEST_VERSION: Final = 15
FULL_SHARE: Final = 0.9
MOST_KEPT_BYTES: Final = 10 * 2**30


async def check(settings: Settings) -> list[Finding]:
    """Return what is found about the database by asking it."""
    with in_words():
        async with open_any(settings) as c:
            schema = await _schema(c)
            found = [schema, await _clock(c), *_server(await inspect_server(c)), *await _disk(c)]
            found += _role(await inspect_role(c))
    return [*found, *([await _changes(settings)] if schema.is_well else []), await _pooler(settings)]


async def _changes(settings: Settings) -> Finding:
    try:
        with in_words():
            await prove_writable_at(settings.database.url)
    except HubError as fault:
        return wrong("changes", fault.detail, fault.next_step)
    return well("changes", "a commit is kept")


async def _schema(c: Connection) -> Finding:
    schema, newest = await current_revision(c), newest_revision()
    if schema == newest:
        return well("database", f"schema {schema}")
    return wrong("database", f"schema {schema}, this code needs {newest}", "Run `osr-hub migrate`")


async def _clock(c: Connection) -> Finding:
    asked = now()
    told = await observe.database_clock(c)
    answered = now()
    return judge_clock("the database", (told - (asked + (answered - asked) / 2)).total_seconds())


async def _disk(c: Connection) -> list[Finding]:
    """Return a finding on the disk of a database whose files are on this machine, as those of `osr-hub up` are."""
    folder = await find_data_folder(c)
    if folder is None:
        return []
    try:
        free = await asyncio.to_thread(shutil.disk_usage, folder)
    except OSError:  # the server is in a container, or its files are closed to this user
        return []
    return [judge_disk("disk of the database", folder, free.total, free.free)]


def _server(server: ServerFacts) -> Iterator[Finding]:
    words = f"PostgreSQL {server.version}, {server.encoding}, {server.bytes / GIGABYTE:.1f} GB"
    if server.version < OLDEST_VERSION:
        yield wrong("database server", words, f"Upgrade it to {OLDEST_VERSION} or later")
    elif server.encoding != "UTF8":
        yield wrong("database server", words, "Create the database with encoding UTF8")
    elif server.not_durable:
        yield wrong("database server", f"{', '.join(server.not_durable)}: what it confirms can be lost", "Set them on")
    else:
        yield well("database server", words)
    words = f"{server.connections} of {server.max_connections} connections in use"
    if server.connections > FULL_SHARE * server.max_connections:
        yield wrong("connections", words, "Close some, or raise max_connections")
    else:
        yield well("connections", words)
    if server.kept_by_slots > MOST_KEPT_BYTES:
        words = f"a replication slot that nobody reads keeps {server.kept_by_slots / GIGABYTE:.0f} GB of log"
        yield wrong("log of the database", words, "Drop the slot before the disk is full")


def _role(role: RoleFacts) -> Iterator[Finding]:
    if role.closed_tables:
        words = f"{role.role} may not read and write {', '.join(role.closed_tables)}"
        yield wrong("role", words, "Make it the owner of these tables")
    else:
        yield well("role", f"{role.role} may read and write all tables")
    if role.overruled:
        words = f"the hub uses its own {', '.join(role.overruled)} instead of the role's or the database's"
        yield well("settings of the role", words)
    if role.kept:
        yield well("settings of the role", f"it keeps the role's or the database's {', '.join(role.kept)}")


async def _pooler(settings: Settings) -> Finding:
    mode, direct = [await find_mode(dsn) for dsn in (settings.database.url, settings.direct_dsn)]
    if direct is PoolerMode.TRANSACTION:
        words = "LISTEN, advisory locks and migrations go through a pooler in transaction mode"
        return wrong("pooler", words, "Set OSR_HUB_DATABASE__DIRECT_DSN to an address past it")
    return well("pooler", "none" if mode is PoolerMode.NONE else f"one in {mode} mode")
