"""Routes to receivers: a vetted address, pinned, and its connections. In: a URL. Out: a client that connects there.

A name is resolved once, and the vetted address is the one connected to: it cannot change in between. The name is
resolved again after a minute, in the background, and after a failed connection, which also moves on to its next
address. Connections are kept as long as their address is still one of the name's.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, TypeAlias

from pyreqwest.client import Client, ClientBuilder

from hub.outbound.addresses import AddressNotAllowed, IPAddress, IPNetwork, ReceiverUrl, read_url, vet

if TYPE_CHECKING:
    from hub.settings import Webhook

CONNECT_SECONDS: Final = 5.0
CONNECTIONS: Final = 512
IDLE_SECONDS: Final = 55.0
USER_AGENT: Final = "osr-hub"

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[IPAddress]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """Options for all receivers: the timeout, the allowed networks, and the certificates for TLS.

    `identity` is the hub's certificate and its key, `trusted` are more certificate authorities; both PEM.
    """

    timeout_seconds: float
    allowed: tuple[IPNetwork, ...] = ()
    identity: bytes | None = None
    trusted: bytes | None = None


def read_client_options(settings: Webhook) -> ClientOptions:
    """Return the options from the settings; reads the certificate files."""
    own = [path.read_bytes() for path in (settings.client_certfile, settings.client_keyfile) if path is not None]
    return ClientOptions(
        timeout_seconds=settings.timeout_seconds,
        allowed=settings.allowed_networks,
        identity=b"\n".join(own) or None,
        trusted=settings.client_cafile.read_bytes() if settings.client_cafile else None,
    )


class Route:
    """The route to one URL."""

    def __init__(self, target: ReceiverUrl, options: ClientOptions, resolve: Resolve, identity: bytes | None) -> None:
        self.target = target
        self._options = options
        self._resolve = resolve
        self._identity = identity
        self._client: Client | None = None
        self._pinned: IPAddress | None = None
        self._attempt = 0
        self._is_open = False
        self._checking: asyncio.Task[Client] | None = None
        self.checked_at = float("-inf")
        self.used_at = 0.0

    @property
    def client(self) -> Client | None:
        """The client that connects to the vetted address only; None when the address must be checked first."""
        return self._client if self._is_open else None

    async def check(self, at: float) -> Client:
        """Resolve and vet; raise `AddressNotAllowed`, or `OSError` when the name cannot be resolved.

        Callers share a check that is under way.
        """
        return await asyncio.shield(self._start_check(at))

    def check_soon(self, at: float) -> None:
        """Resolve and vet in the background; until that is done the address vetted last is used."""
        self.checked_at = at
        self._start_check(at)

    def move_on(self, client: Client) -> None:
        """Resolve before the next request, and try the next address: this client could not connect to its own."""
        if client is self._client and self._is_open:
            self._attempt += 1
            self._is_open = False

    def _start_check(self, at: float) -> asyncio.Task[Client]:
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check(at))
            self._checking.add_done_callback(_read_error)
        return self._checking

    async def _check(self, at: float) -> Client:
        target = self.target
        found = [target.literal] if target.literal else await self._resolve(target.host, target.port)
        try:
            vet(target, found, self._options.allowed)
        except AddressNotAllowed:
            self._is_open = False
            raise
        self.checked_at = at
        if self._client is None or not (self._is_open and self._pinned in found):
            self._client = self._connect(tuple(dict.fromkeys(found)))
        self._is_open = True
        return self._client

    def _connect(self, addresses: tuple[IPAddress, ...]) -> Client:
        address = addresses[self._attempt % len(addresses)]
        if self._client is not None and address == self._pinned:
            return self._client
        self._pinned = address
        return _build(self.target, address, self._options, self._identity)


def make_route(url: str, options: ClientOptions, resolve: Resolve, identity: bytes | None) -> Route:
    """Make the route to a URL, resolving nothing yet; raise `AddressNotAllowed` for a URL that is not called at all."""
    return Route(read_url(url), options, resolve, identity or options.identity)


async def resolve(host: str, port: int) -> Sequence[IPAddress]:
    """Resolve a name by the system's resolver, off the event loop; raise `OSError` when it cannot."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, "no name that can exist") from None
    return [ip_address(str(sockaddr[0]).partition("%")[0]) for _, _, _, _, sockaddr in found]


def _build(target: ReceiverUrl, address: IPAddress, options: ClientOptions, identity: bytes | None) -> Client:
    total = timedelta(seconds=options.timeout_seconds)
    builder = (
        ClientBuilder()
        .user_agent(USER_AGENT)
        .http1_only()
        .no_proxy()
        .follow_redirects(enable=False)
        .referer(enable=False)
        .gzip(enable=False)
        .brotli(enable=False)
        .zstd(enable=False)
        .deflate(enable=False)
        .timeout(total)
        .connect_timeout(min(total, timedelta(seconds=CONNECT_SECONDS)))
        .pool_timeout(total)
        .pool_idle_timeout(timedelta(seconds=IDLE_SECONDS))
        .pool_max_idle_per_host(CONNECTIONS)
        .max_connections(CONNECTIONS)
        .resolve(target.host, str(address), target.port)
    )
    if options.trusted:
        builder = builder.add_root_certificate_pem(options.trusted)
    if identity:
        builder = builder.identity_pem(identity)
    return builder.build()


def _read_error(task: asyncio.Task[Client]) -> None:
    if not task.cancelled():
        task.exception()  # a waiting caller sees it; in the background it closed the route, or changed nothing
