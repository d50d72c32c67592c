"""Makes a new server ready for the hub. In: a superuser's DSN. Out: the hub's role and its database. Safe to repeat."""

from __future__ import annotations

from typing import Final

from hub.store.connections import connect
from hub.store.pool import DATABASE_ERRORS

ROLE_EXISTS: Final = "select exists (select from pg_roles where rolname = $1)"
DATABASE_EXISTS: Final = "select exists (select from pg_database where datname = $1)"
WRITE_ROLE: Final = "select format('create role %I login createdb password %L', $1::text, $2::text)"
WRITE_PASSWORD: Final = "select format('alter role %I login createdb password %L', $1::text, $2::text)"  # noqa: S105
WRITE_GRANT: Final = "select format('grant pg_monitor, pg_checkpoint to %I', $1::text)"
WRITE_DATABASE: Final = "select format('create database %I owner %I', $1::text, $2::text)"


async def provision(admin_dsn: str, *, role: str, password: str, database: str) -> None:
    """Create the role (or set its password), its grants, and the database that it owns."""
    connection = await connect(admin_dsn, "osr-hub provision")
    try:
        exists = await connection.fetchval(ROLE_EXISTS, role)
        write = WRITE_PASSWORD if exists else WRITE_ROLE
        await connection.execute(await connection.fetchval(write, role, password))
        await connection.execute(await connection.fetchval(WRITE_GRANT, role))
        if not await connection.fetchval(DATABASE_EXISTS, database):
            await connection.execute(await connection.fetchval(WRITE_DATABASE, database, role))
    finally:
        await connection.close()


async def accepts_connections(dsn: str) -> bool:
    """Return whether a server accepts connections at this DSN."""
    try:
        connection = await connect(f"{dsn}?connect_timeout=2", "osr-hub probe")
    except DATABASE_ERRORS:
        return False
    await connection.close()
    return True
