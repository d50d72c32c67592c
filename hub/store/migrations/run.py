"""Brings a database to the newest schema. In: a DSN. Out: the revision it has afterwards."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import asyncpg
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, pool
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from hub.store.connections import connect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alembic.operations.ops import MigrationScript  # noqa: F401 - documents what Alembic's hook is called with
    from alembic.runtime.migration import MigrationContext

    from hub.store.pool import Connection as Postgres

HERE = Path(__file__).parent
LOCK = 0x05B_4A11


async def migrate(dsn: str) -> str:
    """Bring the database at `dsn` (past any pooler) to the newest schema and return its revision.

    Processes that call it at the same time take turns on an advisory lock; each finds the work done or does it.
    """
    gate = await connect(dsn, "osr-hub migrate", needs_session=True)
    try:
        await gate.execute("select pg_advisory_lock($1)", LOCK)
        engine = create_async_engine(
            "postgresql+asyncpg://",
            poolclass=pool.NullPool,
            async_creator=partial(connect, dsn, "osr-hub migrate", needs_session=True),
        )
        try:
            async with engine.begin() as connection:
                await connection.run_sync(_upgrade)
        except DBAPIError as error:
            raise _cause_of(error) from error
        finally:
            await engine.dispose()
    finally:
        await gate.close()
    return newest_revision()


def _cause_of(error: BaseException) -> BaseException:
    """Return the database's own error, which the library has wrapped."""
    while error.__cause__ is not None and not isinstance(error, asyncpg.PostgresError):
        error = error.__cause__
    return error


@cache
def newest_revision() -> str:
    """Return the revision that this code needs."""
    return cast("str", _scripts().get_current_head())


async def current_revision(connection: Postgres) -> str | None:
    """Return the database's revision; None when it was never migrated."""
    if await connection.fetchval("select to_regclass('alembic_version')") is None:
        return None
    return cast("str | None", await connection.fetchval("select version_num from alembic_version"))


async def is_current(connection: Postgres) -> bool:
    """Return whether the database has the schema that this code needs."""
    return await current_revision(connection) == newest_revision()


def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    return ScriptDirectory.from_config(config)


def _upgrade(connection: Connection) -> None:
    scripts = _scripts()

    def steps(revision: str | Sequence[str], _context: MigrationContext) -> list[object]:
        return cast("list[object]", scripts._upgrade_revs("head", revision))  # type: ignore[arg-type]  # noqa: SLF001 - Alembic's documented way to run without its command line

    with EnvironmentContext(Config(), scripts, fn=steps) as environment:
        environment.configure(connection=connection)
        with environment.begin_transaction():
            environment.run_migrations()
