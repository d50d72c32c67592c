"""Opens connections to the database. In: a DSN and a name. Out: a session with the settings that the hub relies on.

Each host is tried for itself, so that one that does not answer leaves time for the next. Nothing but the DSN decides
where and how to connect: the driver is given everything, so that it looks for nothing in the environment.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import asyncpg

from hub.errors import ConfigurationError
from hub.settings.dsn import DatabaseAddress, read_dsn
from hub.store.database_session import LOOK_UP_BY_KEY, DatabaseSession
from hub.store.pooler import PoolerMode, find_pooler

if TYPE_CHECKING:
    from collections.abc import Iterator

KEEPALIVES: Final = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 30_000}
"""What a firewall has cut without a word is noticed after a minute when idle, after 30 s in a statement."""
PASS_TO_NEXT: Final = (
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.TargetServerAttributeNotMatched,
    asyncpg.InternalClientError,
    asyncpg.ConnectionDoesNotExistError,
)
"""Errors after which the next host is tried; what a server refuses, the others refuse too."""
NO_SESSION: Final = (
    "sessions are needed here (LISTEN, advisory locks, migrations), and a pooler in transaction mode has none"
)


async def connect(
    dsn: str, name: str, *, is_hot: bool = False, needs_session: bool = False, command_timeout: float | None = None
) -> DatabaseSession:
    """Open a connection that pg_stat_activity shows as `name`; a hot one looks rows up by key.

    Raises one of `DATABASE_ERRORS`, and `ConfigurationError` for a session through a pooler in transaction mode.
    """
    address = read_dsn(dsn)
    shown = address.application_name or name
    mode = await find_pooler(dsn, partial(_open_any, address, shown, statement_cache_size=0))
    is_shared = mode is PoolerMode.TRANSACTION
    if is_shared and needs_session:
        raise ConfigurationError(
            NO_SESSION, next_step="Set OSR_HUB_DATABASE__DIRECT_DSN to an address past the pooler."
        )
    options = {"statement_cache_size": 0} if is_shared else {}
    session = await _open_any(address, shown, command_timeout=command_timeout, **options)
    try:
        settings = {**(LOOK_UP_BY_KEY if is_hot else {}), **address.server_settings}
        await session.set_up(settings, per_transaction=is_shared)
    except BaseException:
        session.terminate()
        raise
    return session


async def find_mode(dsn: str) -> PoolerMode:
    """Return what stands before the database at this address."""
    return await find_pooler(dsn, partial(_open_any, read_dsn(dsn), "osr-hub", statement_cache_size=0))


async def _open_any(address: DatabaseAddress, name: str, **options: Any) -> DatabaseSession:  # noqa: ANN401 - the driver's
    last: BaseException | None = None
    for host, port, target in _attempts(address):
        try:
            return await _open_at(address, host, port, name, target_session_attrs=target, **options)
        except PASS_TO_NEXT as error:
            last = error if last is None or not isinstance(error, FileNotFoundError) else last
    assert last is not None  # noqa: S101 - an address has a server
    raise last


def _attempts(address: DatabaseAddress) -> Iterator[tuple[str, int, str]]:
    for target in ("standby", "any") if address.target == "prefer-standby" else (address.target,):
        for host, port in address.servers:
            yield host, port, target


async def _open_at(
    address: DatabaseAddress,
    host: str,
    port: int,
    name: str,
    **options: Any,  # noqa: ANN401 - the driver's
) -> DatabaseSession:
    """Connect to one server; with `prefer` and `allow`, the other way when the server refuses the first."""
    contexts = address.tls.contexts() if not host.startswith("/") else (None,)
    for context in contexts:
        try:
            session = await asyncpg.connect(
                host=host,
                port=port,
                user=address.user,
                password=address.password,
                database=address.database,
                ssl=context or False,
                direct_tls=address.tls.is_direct,
                timeout=address.connect_seconds,
                krbsrvname="postgres",
                gsslib="gssapi",
                connection_class=DatabaseSession,
                server_settings={"application_name": name},
                **options,
            )
        except (ConnectionError, ssl.SSLError, asyncpg.InvalidAuthorizationSpecificationError) as error:
            if context is contexts[-1] or isinstance(error, asyncpg.InvalidPasswordError | ConnectionRefusedError):
                raise
        else:
            _keep_alive(session)
            return session
    raise AssertionError(host)


def _keep_alive(session: DatabaseSession) -> None:
    transport = cast("Any", session)._transport  # noqa: SLF001 - the driver has no public way to its socket
    found = transport.get_extra_info("socket")
    if found is None or found.family == socket.AF_UNIX:
        return
    with socket.fromfd(found.fileno(), found.family, found.type) as own, suppress(OSError):
        own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVES.items():
            if hasattr(socket, option):
                own.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
