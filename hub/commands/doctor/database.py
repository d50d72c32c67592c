"""Checks the database: its schema and its clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.clock import now
from hub.commands.doctor.finding import Finding, well, wrong
from hub.commands.doctor.sessions import open_any
from hub.store import observe
from hub.store.migrations import current_revision, newest_revision

if TYPE_CHECKING:
    from hub.settings import Settings
    from hub.store.pool import Connection

MAX_SKEW_SECONDS: Final = 2.0


async def check(settings: Settings) -> list[Finding]:
    """Return what is found about the database by asking it."""
    async with open_any(settings) as c:
        return [await _schema(c), await _clocks(c)]


async def _schema(c: Connection) -> Finding:
    schema, newest = await current_revision(c), newest_revision()
    if schema == newest:
        return well("database", f"schema {schema}")
    return wrong("database", f"schema {schema}, this code needs {newest}", "Run `osr-hub migrate`")


async def _clocks(c: Connection) -> Finding:
    skew = abs((now() - await observe.database_clock(c)).total_seconds())
    words = f"{skew:.1f} s between this machine and the database"
    if skew < MAX_SKEW_SECONDS:
        return well("clocks", words)
    return wrong("clocks", words, "Let both take their time from the same servers")
