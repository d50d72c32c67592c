"""PostgreSQL behind TLS: takes the request for encryption, and passes what comes through it on to the real server."""

from __future__ import annotations

import asyncio
import ssl
import struct
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TLS_REQUEST: Final = 80877103


@asynccontextmanager
async def tls_postgres(dsn: str, certificate: Path) -> AsyncIterator[int]:
    """Listen before the server of a DSN with this certificate and key, take nobody without TLS, and give the port."""
    where, context = urlsplit(dsn), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    pipes: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if struct.unpack("!ii", await reader.readexactly(8))[1] != TLS_REQUEST:
                return
            writer.write(b"S")
            await writer.drain()
            await writer.start_tls(context)
            theirs, ours = await asyncio.open_connection(where.hostname, where.port)
            both = {asyncio.create_task(_pipe(reader, ours)), asyncio.create_task(_pipe(theirs, writer))}
            pipes.update(both)
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            ours.close()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for pipe in pipes:
            pipe.cancel()
        await asyncio.gather(*pipes, return_exceptions=True)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while part := await reader.read(65_536):
            writer.write(part)
            await writer.drain()
