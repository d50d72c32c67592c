"""Ways to receivers: a vetted address, pinned, with the connections to it. In: a place. Out: a client that goes there.

A name is resolved once and the address that was vetted is the one connected to: it cannot change in between. It is
resolved again after a minute, in the background, and after a failed connection, which also moves on to the next of
its addresses. Connections live as long as their address is still one of the name's.
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
    """What holds for all receivers: how long one may take, which networks are open, how both sides are known by TLS.

    `identity` is the hub's certificate and its key, `trusted` are more certificate authorities; both PEM.
    """

    timeout_seconds: float
    allowed: tuple[IPNetwork, ...] = ()
    identity: bytes | None = None
    trusted: bytes | None = None


def read_client_options(settings: Webhook) -> ClientOptions:
    """Take the terms from the settings; reads the certificates they name."""
    own = [path.read_bytes() for path in (settings.client_certfile, settings.client_keyfile) if path is not None]
    return ClientOptions(
        timeout_seconds=settings.timeout_seconds,
        allowed=settings.allowed_networks,
        identity=b"\n".join(own) or None,
        trusted=settings.client_cafile.read_bytes() if settings.client_cafile else None,
    )


class Route:
    """The way to one place."""

    def __init__(self, place: ReceiverUrl, terms: ClientOptions, resolve: Resolve, identity: bytes | None) -> None:
        self.place = place
        self._terms = terms
        self._resolve = resolve
        self._identity = identity
        self._client: Client | None = None
        self._pinned: IPAddress | None = None
        self._turn = 0
        self._is_open = False
        self._checking: asyncio.Task[Client] | None = None
        self.checked_at = float("-inf")
        self.used_at = 0.0

    @property
    def client(self) -> Client | None:
        """The client whose every connection goes to the vetted address; None when that must be checked first."""
        return self._client if self._is_open else None

    async def check(self, at: float) -> Client:
        """Resolve and vet; raises `AddressNotAllowed`, or `OSError` when the name cannot be resolved.

        Those who come while one check is under way share it.
        """
        return await asyncio.shield(self._start_check(at))

    def check_soon(self, at: float) -> None:
        """Resolve and vet in the background; until that is done the address vetted last is used."""
        self.checked_at = at
        self._start_check(at)

    def move_on(self, client: Client) -> None:
        """Resolve before the next request, and try the next address: this client could not connect to its own."""
        if client is self._client and self._is_open:
            self._turn += 1
            self._is_open = False

    def _start_check(self, at: float) -> asyncio.Task[Client]:
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check(at))
            self._checking.add_done_callback(_read_error)
        return self._checking

    async def _check(self, at: float) -> Client:
        place = self.place
        found = [place.literal] if place.literal else await self._resolve(place.host, place.port)
        try:
            vet(place, found, self._terms.allowed)
        except AddressNotAllowed:
            self._is_open = False
            raise
        self.checked_at = at
        if self._client is None or not (self._is_open and self._pinned in found):
            self._client = self._connect(tuple(dict.fromkeys(found)))
        self._is_open = True
        return self._client

    def _connect(self, addresses: tuple[IPAddress, ...]) -> Client:
        address = addresses[self._turn % len(addresses)]
        if self._client is not None and address == self._pinned:
            return self._client
        self._pinned = address
        return _build(self.place, address, self._terms, self._identity)


def make_route(url: str, terms: ClientOptions, resolve: Resolve, identity: bytes | None) -> Route:
    """Make the way to a URL, resolving nothing yet; raises `AddressNotAllowed` for a URL that is not called at all."""
    return Route(read_url(url), terms, resolve, identity or terms.identity)


async def resolve(host: str, port: int) -> Sequence[IPAddress]:
    """Resolve a name by the system's resolver, off the event loop; raises `OSError`."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, "no name that can exist") from None
    return [ip_address(str(sockaddr[0]).partition("%")[0]) for _, _, _, _, sockaddr in found]


def _build(place: ReceiverUrl, address: IPAddress, terms: ClientOptions, identity: bytes | None) -> Client:
    total = timedelta(seconds=terms.timeout_seconds)
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
        .resolve(place.host, str(address), place.port)
    )
    if terms.trusted:
        builder = builder.add_root_certificate_pem(terms.trusted)
    if identity:
        builder = builder.identity_pem(identity)
    return builder.build()


def _read_error(task: asyncio.Task[Client]) -> None:
    if not task.cancelled():
        task.exception()  # who waits sees it; in the background it has closed the route, or changed nothing
