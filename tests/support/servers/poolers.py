"""Poolers before the tests' PostgreSQL: pgbouncer itself where it is installed, and a small one of our own.

Ours does what made every command fail behind a pooler: it refuses start-up parameters that it does not know, and hands
out process numbers of its own. It keeps a server per client, as session mode does.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import struct
import tempfile
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from tests.support.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PGBOUNCER: Final = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
AS_NOBODY: Final = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups") if os.geteuid() == 0 else ()
"""It refuses to run as root."""
MISSING: Final = "pgbouncer is not installed (Debian: apt-get install pgbouncer)"
KNOWN: Final = {"user", "database", "application_name", "client_encoding", "datestyle", "timezone"}
ENCRYPTION_REQUESTS: Final = {80877103, 80877104}
KEY_DATA: Final = b"K\0\0\0\x0c"
WITHIN: Final = 20.0


@asynccontextmanager
async def pgbouncer(dsn: str, mode: str, servers: int = 4) -> AsyncIterator[str]:
    """Run pgbouncer before the database of a DSN, and give the DSN through it."""
    where, port = urlsplit(dsn), free_port()
    assert PGBOUNCER is not None, MISSING
    folder = _configure(where, port, mode, servers)
    process = await asyncio.create_subprocess_exec(
        *(*AS_NOBODY, PGBOUNCER, "-q", str(folder / "pgbouncer.ini")),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _listening(port)
        yield where._replace(netloc=f"osr:any@127.0.0.1:{port}").geturl()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        shutil.rmtree(folder)


def _configure(where: SplitResult, port: int, mode: str, servers: int) -> Path:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    target = f"host={where.hostname} port={where.port} user={where.username} password={where.password}"
    lines = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "any",
        "pool_mode": mode,
        "default_pool_size": servers,
        "max_client_conn": 200,
    }
    settings = "\n".join(f"{name} = {value}" for name, value in lines.items())
    (folder / "pgbouncer.ini").write_text(f"[databases]\n* = {target}\n[pgbouncer]\n{settings}\n")
    return folder


@asynccontextmanager
async def strict_pooler(dsn: str) -> AsyncIterator[str]:
    """Run our own pooler before the database of a DSN, and give the DSN through it."""
    where = urlsplit(dsn)
    pipes: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            start = await _read_start(reader, writer)
            unknown = [name for name in start.split(b"\0")[::2] if name and name.decode() not in KNOWN]
            if unknown:
                text = b"unsupported startup parameter: " + unknown[0]
                fields = b"SFATAL\0C08P01\0M" + text + b"\0\0"
                writer.write(b"E" + struct.pack("!i", len(fields) + 4) + fields)
                return
            theirs, ours = await asyncio.open_connection(where.hostname, where.port)
            ours.write(struct.pack("!ii", len(start) + 8, 196608) + start)
            both = {asyncio.create_task(_pipe(reader, ours)), asyncio.create_task(_pipe(theirs, writer, hides=True))}
            pipes.update(both)
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            ours.close()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield where._replace(netloc=f"{where.username}:{where.password}@127.0.0.1:{port}").geturl()
    finally:
        server.close()
        for pipe in pipes:
            pipe.cancel()
        await asyncio.gather(*pipes, return_exceptions=True)


async def _read_start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    while True:
        size, kind = struct.unpack("!ii", await reader.readexactly(8))
        body = await reader.readexactly(size - 8)
        if kind not in ENCRYPTION_REQUESTS:
            return body
        writer.write(b"N")


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, hides: bool = False) -> None:
    """Copy bytes; the first process number that passes becomes another one."""
    with suppress(ConnectionError):
        while part := await reader.read(65_536):
            at = part.find(KEY_DATA) + len(KEY_DATA)
            if hides and at >= len(KEY_DATA):
                hides, part = False, part[:at] + b"\x7f\xff\xff\xff" + part[at + 4 :]
            writer.write(part)
            await writer.drain()


async def _listening(port: int) -> None:
    async with asyncio.timeout(WITHIN):
        while True:
            with suppress(ConnectionRefusedError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.02)
