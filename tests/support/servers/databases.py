"""Databases of a test's own, made from a template and dropped again. In: a superuser's DSN. Out: nothing left."""

from __future__ import annotations

import uuid
from urllib.parse import urlsplit

import asyncpg


def dsn_of(dsn: str, database: str) -> str:
    """Return the DSN of another database on the same server."""
    return urlsplit(dsn)._replace(path=f"/{database}").geturl()


async def create_database(dsn: str, template: str = "template0") -> str:
    """Create a database and return its name; without fsync, copying files is the cheaper way."""
    name = f"osr_hub_test_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(dsn)
    try:
        strategy = "file_copy" if await connection.fetchval("show fsync") == "off" else "wal_log"
        await connection.execute(f"create database {name} template {template} strategy {strategy}")
    finally:
        await connection.close()
    return name


async def drop_database(dsn: str, name: str) -> None:
    """Remove a database, with its connections."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f"drop database if exists {name} with (force)")
    finally:
        await connection.close()


async def copy_database(dsn: str, name: str, to: str) -> None:
    """Copy a database as it is now; its connections are cut meanwhile, as by a fault of the network."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f"alter database {name} allow_connections false")
        await connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
        await connection.execute(f"create database {to} template {name}")
    finally:
        await connection.execute(f"alter database {name} allow_connections true")
        await connection.close()
