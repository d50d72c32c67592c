"""Routes to receivers: vetted addresses, pinned. In: the URL of a receiver. Out: the addresses to connect to.

A name is resolved once, and only vetted addresses are connected to: a name cannot turn inward in between. It is
resolved again after a minute, in the background, and after a connection failed. Routes are kept by scheme, host, port
and identity, the least recently used go, and whoever asks for consent only leaves none behind.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, TypeAlias

from hub.outbound.addresses import AddressNotAllowed, vet
from hub.outbound.places import Places

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hub.outbound.addresses import IPAddress, IPNetwork, ReceiverUrl
    from hub.outbound.names import NameService

MAX_ROUTES: Final = 256
CHECK_SECONDS: Final = 60.0
CONNECTIONS: Final = 256
"""To one receiver at once."""
RouteKey: TypeAlias = "tuple[tuple[bool, str, int], bytes | None]"


class Route:
    """The route to one receiver; `addresses` are vetted, the one that answered last first."""

    def __init__(self, target: ReceiverUrl, identity: bytes | None, names: NameService) -> None:
        self.target = target
        self.identity = identity
        self.addresses: tuple[IPAddress, ...] = ()
        self.is_forgotten = False
        self.places = Places(CONNECTIONS)
        self._names = names
        self._checking: asyncio.Task[None] | None = None
        self._checked_at = float("-inf")

    def is_open(self, at: float) -> bool:
        """Return whether there are addresses that were vetted less than a minute ago."""
        return bool(self.addresses) and at - self._checked_at <= CHECK_SECONDS

    async def open(self, allowed: Sequence[IPNetwork]) -> None:
        """Ensure vetted addresses; raise `AddressNotAllowed`, or `OSError` when the name cannot be resolved.

        Callers share a check that is under way; until one in the background is done, what was vetted last is used.
        """
        at = asyncio.get_running_loop().time()
        if not self.addresses:
            await asyncio.shield(self._start_check(allowed, at))
        elif at - self._checked_at > CHECK_SECONDS:
            self._checked_at = at
            self._start_check(allowed, at)

    def prefer(self, address: IPAddress) -> None:
        """Begin with this address from now on: it answered."""
        if self.addresses[:1] != (address,) and address in self.addresses:
            self.addresses = (address, *(other for other in self.addresses if other != address))

    def doubt(self) -> None:
        """Resolve before the next request: no address could be connected to."""
        self.addresses = ()

    def _start_check(self, allowed: Sequence[IPNetwork], at: float) -> asyncio.Task[None]:
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check(allowed, at))
            self._checking.add_done_callback(_read_error)
        return self._checking

    async def _check(self, allowed: Sequence[IPNetwork], at: float) -> None:
        target = self.target
        found = [target.literal] if target.literal else await self._names.resolve(target.host, target.port)
        try:
            vet(target, found, allowed)
        except AddressNotAllowed:
            self.addresses = ()
            raise
        before = self.addresses[:1]
        self._checked_at, self.addresses = at, tuple(dict.fromkeys(found))
        if before:
            self.prefer(before[0])


class Routes:
    """The routes that are kept, the least recently used first; `forget` is told of each that goes."""

    def __init__(self, names: NameService, forget: Callable[[Route], None]) -> None:
        self._names = names
        self._forget = forget
        self._routes: OrderedDict[RouteKey, Route] = OrderedDict()

    def __len__(self) -> int:
        return len(self._routes)

    def find(self, target: ReceiverUrl, identity: bytes | None) -> Route:
        """Return the route to a receiver, and keep it."""
        key = target.origin, identity
        route = self._routes.get(key)
        if route is None:
            route = self._routes[key] = Route(target, identity, self._names)
            if len(self._routes) > MAX_ROUTES:
                self.drop(self._routes.popitem(last=False)[1])
        else:
            self._routes.move_to_end(key)
        return route

    def make(self, target: ReceiverUrl, identity: bytes | None) -> Route:
        """Return a route for a single request, which `drop` takes away after it."""
        return Route(target, identity, self._names)

    def drop(self, route: Route) -> None:
        """Let a route go, with its connections."""
        route.is_forgotten = True
        self._forget(route)


def _read_error(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()  # a waiting caller sees it; in the background it closed the route, or changed nothing
