"""The probe of a process without an API. In: its loops. Out: `/health/live` and `/health/ready` on a port of its own.

`live` is 503 when a loop does not turn any more, so that only a new process helps; `ready` is 503 when a loop makes no
progress. Both name the loops and nothing else: no volumes, no addresses.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import orjson

from hub.domain.health import hung_loops, late_loops
from hub.errors import ConfigurationError
from hub.processes import loops

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from hub.domain.health import LoopReport
    from hub.settings.http import Http

PATIENCE_SECONDS: Final = 3.0
MOST_BYTES: Final = 4096
MOST_CONNECTIONS: Final = 16
LIVE: Final = "/health/live"
PROGRESS: Final = {LIVE: hung_loops, "/health/ready": late_loops}


@asynccontextmanager
async def answer_probes(http: Http) -> AsyncIterator[None]:
    """Answer probes while the block runs, where the settings name a port for them."""
    if http.worker_port is None:
        yield
        return
    room = asyncio.Semaphore(MOST_CONNECTIONS)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _answer(reader, writer, room)

    try:
        server = await asyncio.start_server(answer, http.host, http.worker_port, limit=MOST_BYTES)
    except OSError as error:
        raise ConfigurationError(
            f"nothing can listen on {http.host}, port {http.worker_port}: {error.strerror}",
            next_step="Choose another with OSR_HUB_HTTP__WORKER_PORT.",
        ) from error
    try:
        yield
    finally:
        server.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, room: asyncio.Semaphore) -> None:
    try:
        if room.locked():
            return
        async with room, asyncio.timeout(PATIENCE_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(answer_to(head, loops.here.reports()))
            await writer.drain()
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return
    finally:
        writer.close()


def answer_to(head: bytes, reports: Sequence[LoopReport]) -> bytes:
    """Return the response to a request's head."""
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0].decode("ascii", "replace")
    if path not in PROGRESS:
        return _response("404 Not Found", {"status": "not found"}, has_body=True)
    if method not in {b"GET", b"HEAD"}:
        return _response("405 Method Not Allowed", {"status": "not allowed"}, has_body=True)
    status, body = _judge(path, reports)
    return _response(status, body, has_body=method == b"GET")


def _judge(path: str, reports: Sequence[LoopReport]) -> tuple[str, dict[str, Any]]:
    names = sorted(report.name for report in PROGRESS[path](reports))
    if names:
        return "503 Service Unavailable", {"status": "stuck", "loops": names}
    if not reports and path != LIVE:
        return "503 Service Unavailable", {"status": "starting"}
    return "200 OK", {"status": "ok"}


def _response(status: str, body: dict[str, Any], *, has_body: bool) -> bytes:
    written = orjson.dumps(body)
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(written)}\r\n"
    return f"{head}cache-control: no-store\r\nconnection: close\r\n\r\n".encode() + (written if has_body else b"")
