"""`osr-hub serve`: the API, the console and the metrics, until SIGTERM."""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import typer
import uvicorn

from hub.api.app import create_app
from hub.errors import ConfigurationError, Unavailable
from hub.outbound.certificates import read_certificates
from hub.processes.running import run_until_stopped
from hub.store.waiting import wait_for_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.settings import Settings

GRACE_SECONDS: Final = 5
KEEP_ALIVE_SECONDS: Final = 75
app = typer.Typer()


class _Server(uvicorn.Server):
    """uvicorn's server without its own signal handlers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handlers."""
        yield


@app.command()
def serve() -> None:
    """Serve requests until SIGTERM; open requests get five seconds to finish."""
    run_until_stopped([_serve], waits_for_database=False)


async def _serve(settings: Settings, stop: asyncio.Event) -> None:
    read_certificates(settings.webhook)  # what cannot be used is told now, not to the first who subscribes
    server = _Server(
        uvicorn.Config(
            create_app(settings),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
    with _listen(settings.http.host, settings.http.port) as listening:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        stopping = asyncio.create_task(_until_stopped(settings, stop))
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
        if stopping.done():
            await stopping
        stopping.cancel()
    if not server.started:
        raise Unavailable("the API did not start; the lines above say why")


async def _until_stopped(settings: Settings, stop: asyncio.Event) -> None:
    """Return when `stop` is set; a database that is away is waited for, while calls are answered 503.

    Raises `ConfigurationError` when the database's address is wrong.
    """
    await wait_for_database(settings.database, stop, needs_session=False)
    await stop.wait()


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=1024
        )
    except OSError as error:
        raise ConfigurationError(
            f"nothing can listen on {host}, port {port}: {error.strerror}",
            next_step="Choose another with OSR_HUB_HTTP__HOST and OSR_HUB_HTTP__PORT.",
        ) from error
