"""A server that speaks just enough of PostgreSQL's protocol to refuse, as servers and poolers do."""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ENCRYPTION_REQUESTS: Final = {80877103, 80877104}


@dataclass
class FalsePostgres:
    """Where it listens, and the start-up parameters that clients sent."""

    port: int
    parameters: list[dict[str, str]] = field(default_factory=list)

    def dsn(self, words: str = "") -> str:
        """Return its address."""
        return f"postgresql://osr:hush@127.0.0.1:{self.port}/osr{words}"


@asynccontextmanager
async def refusing_postgres(code: str, message: str) -> AsyncIterator[FalsePostgres]:
    """Listen, offer no TLS, and answer every start-up with this error."""
    found = FalsePostgres(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                size, kind = struct.unpack("!ii", await reader.readexactly(8))
                body = await reader.readexactly(size - 8)
                if kind not in ENCRYPTION_REQUESTS:
                    break
                writer.write(b"N")
            words = body.split(b"\0")
            found.parameters.append(
                {k.decode(): v.decode() for k, v in zip(words[::2], words[1::2], strict=False) if k}
            )
            fields = b"".join(
                kind + text.encode() + b"\0" for kind, text in ((b"S", "FATAL"), (b"C", code), (b"M", message))
            )
            writer.write(b"E" + struct.pack("!i", len(fields) + 5) + fields + b"\0")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
