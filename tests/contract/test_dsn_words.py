"""An address with libpq's words works alike in each command; a role without rights is told so in a sentence."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest

from hub.errors import ConfigurationError
from hub.store.connections import connect
from hub.store.reasons import in_words
from tests.support.receivers.authority import Authority
from tests.support.servers.commands import osr_hub
from tests.support.servers.forked_commands import Run, run_all
from tests.support.servers.ports import free_port
from tests.support.servers.tls_postgres import tls_postgres

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS: Final = [("migrate",), ("lag",), ("verify",), ("deliveries",), ("parked", "list"), ("retention", "--dry-run")]
SEEN: Final = "select application_name, current_setting('work_mem') from pg_stat_activity where pid = pg_backend_pid()"


def write_certificates(root: Path, server: Path) -> None:
    """Write an authority, and what a server called localhost shows of it."""
    authority = Authority()
    root.write_bytes(authority.pem)
    server.write_bytes(authority.issue("localhost"))


async def test_each_command_understands_every_word(database: str, tmp_path: Path) -> None:
    """TLS with the server's name checked, several hosts, options, a name and a time-out: in both forms."""
    where, root, server = urlsplit(database), tmp_path / "root.pem", tmp_path / "server.pem"
    write_certificates(root, server)
    async with tls_postgres(database, server) as port:
        words = {
            "sslmode": "verify-full",
            "sslrootcert": str(root),
            "connect_timeout": "5",
            "application_name": "a school",
            "target_session_attrs": "read-write",
        }
        query = "&".join(f"{name}={value}" for name, value in words.items())
        hosts = f"localhost:{free_port()},localhost:{port}"
        uri = f"postgresql://{where.username}:{where.password}@{hosts}{where.path}?{query}&options=-c%20work_mem%3D9MB"
        pairs = " ".join(f"{name}='{value}'" for name, value in words.items())
        pairs += f" host=localhost port={port} user={where.username} password={where.password} dbname={where.path[1:]}"
        pairs += " options='-c work_mem=9MB'"
        for dsn in (uri, pairs):
            c = await connect(dsn, "a test")
            assert tuple(await c.fetchrow(SEEN) or ()) == ("a school", "9MB")
            await c.close()
        runs = [Run(words=("osr-hub", *words), settings={"OSR_HUB_DATABASE__DSN": uri}) for words in COMMANDS]
        for run, outcome in zip(runs, await run_all(runs, tmp_path), strict=True):
            assert (outcome.code, "Traceback" in outcome.said) == (0, False), (run, outcome)


async def test_a_server_that_another_authority_vouches_for_is_refused(database: str, tmp_path: Path) -> None:
    """So is one of another name; `require` only encrypts."""
    where, root, other, server = urlsplit(database), tmp_path / "root.pem", tmp_path / "other.pem", tmp_path / "s.pem"
    write_certificates(root, server)
    other.write_bytes(Authority().pem)
    async with tls_postgres(database, server) as port:
        plain = f"postgresql://{where.username}:{where.password}@{{}}:{port}{where.path}?sslmode={{}}"
        for host, mode in (
            ("localhost", f"verify-ca&sslrootcert={other}"),
            ("127.0.0.1", f"verify-full&sslrootcert={root}"),
        ):
            with pytest.raises(ConfigurationError, match="TLS with the database fails"), in_words():
                await connect(plain.format(host, mode), "a test")
        for mode in ("require", "prefer", f"verify-ca&sslrootcert={root}"):
            await (await connect(plain.format("localhost", mode), "a test")).close()


async def test_a_role_that_may_create_nothing_is_told(empty_database: str) -> None:
    """`migrate` says what is missing, and `lag` that there is no schema."""
    role, where = f"osr_{uuid.uuid4().hex[:8]}", urlsplit(empty_database)
    admin = await connect(empty_database, "a test")
    await admin.execute(f"create role {role} login password 'hush'")
    try:
        dsn = where._replace(netloc=f"{role}:hush@{where.hostname}:{where.port}").geturl()
        code, _, said = await osr_hub(dsn, "migrate")
        assert (code, "permission denied for schema public" in said) == (2, True)
        assert said.count("\n") == 2
    finally:
        await admin.execute(f"drop role {role}")
        await admin.close()
