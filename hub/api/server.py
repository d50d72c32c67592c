"""Serves the application over HTTP, and what watches over it on a port of its own, until it is stopped."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, cast

import uvicorn

from hub.api.app import create_app, create_monitoring_app
from hub.api.connections import connections_for
from hub.api.protocol import Guard, GuardedProtocol
from hub.errors import ConfigurationError, Unavailable
from hub.outbound.certificates import read_certificates
from hub.store.waiting import wait_for_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from hub.api.state import AppState
    from hub.settings import Settings

GRACE_SECONDS: Final = 5


class _Server(uvicorn.Server):
    """uvicorn's server without its own signal handlers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handlers."""
        yield


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serve requests until `stop` is set; open requests get five seconds to finish."""
    read_certificates(settings.webhook)  # what cannot be used is told now, not to the first who subscribes
    app = create_app(settings)
    shared: AppState = app.state.shared
    with ExitStack() as listening:
        servers = {
            _server(each, settings): [listening.enter_context(_listen(settings.http.host, port))]
            for port, each in _apps(app, settings).items()
        }
        runs = [asyncio.create_task(server.serve(sockets=sockets)) for server, sockets in servers.items()]
        stopping = asyncio.create_task(_until_stopped(settings, stop))
        ending = asyncio.create_task(_until_ended(shared))
        await asyncio.wait({*runs, stopping, ending}, return_when=asyncio.FIRST_COMPLETED)
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*runs)
        for task in (stopping, ending):
            if task.done():
                await task
            task.cancel()
    if not all(server.started for server in servers):
        raise Unavailable("the API did not start; the lines above say why")


async def _until_ended(shared: AppState) -> None:
    """Raise the error by which a chore ended."""
    await shared.chore_ended.wait()
    if shared.ended_by is not None:
        raise shared.ended_by


def _apps(app: FastAPI, settings: Settings) -> dict[int, FastAPI]:
    """Return the applications by their ports, described already: that takes long enough for others to notice."""
    apps = {settings.http.port: app}
    if settings.http.monitoring_port is not None:
        apps[settings.http.monitoring_port] = create_monitoring_app(app.state.shared)
    app.openapi()  # the first call with parameters would make it, and all others would wait for that
    return apps


async def _until_stopped(settings: Settings, stop: asyncio.Event) -> None:
    """Return when `stop` is set; a database that is away is waited for, while calls are answered 503.

    Raises `ConfigurationError` when the database's address is wrong.
    """
    await wait_for_database(settings.database, stop, needs_session=False)
    await stop.wait()


def _server(app: FastAPI, settings: Settings) -> _Server:
    guard = Guard(
        connections=connections_for(settings),
        silence_seconds=settings.limits.silence_seconds,
        address=settings.http.address,
    )
    proxies = [str(network) for network in settings.http.trusted_proxies]
    return _Server(
        uvicorn.Config(
            app,
            http=cast("type[asyncio.Protocol]", partial(GuardedProtocol, guard=guard)),
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=proxies,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=1024
        )
    except OSError as error:
        raise ConfigurationError(
            f"nothing can listen on {host}, port {port}: {error.strerror}",
            next_step="Choose another with OSR_HUB_HTTP__HOST, OSR_HUB_HTTP__PORT and OSR_HUB_HTTP__MONITORING_PORT.",
        ) from error
