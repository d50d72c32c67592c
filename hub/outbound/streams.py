"""The client that sends requests to receivers, on asyncio alone. In: a route, a request. Out: the head of the answer.

It reads what other parsers refuse, costs less than half of their time, and knows each of its connections: an idle one
that turns out to be closed costs one more request on a fresh one, at once.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from hub.outbound.answers import ClosedError, NotAnsweredError, NotConnectedError
from hub.outbound.connections import Connection, IdleConnections
from hub.outbound.places import Deadlines
from hub.outbound.race import connect_first

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.outbound.addresses import IPAddress, ReceiverUrl
    from hub.outbound.heads import Head
    from hub.outbound.routes import Route
    from hub.outbound.tls import TlsContexts

USER_AGENT: Final = "osr-hub"
CONNECT_SECONDS: Final = 5.0
_AGENT: Final = f"user-agent: {USER_AGENT}\r\n"


class OutgoingRequest(NamedTuple):
    """One request to a URL on the route's host."""

    method: str
    to: ReceiverUrl
    headers: Mapping[str, str]
    body: bytes | None


class HttpClient(Protocol):
    """Sends requests; raises `NotAnsweredError` when no answer comes, `TimeoutError` when not in time."""

    async def exchange(self, route: Route, request: OutgoingRequest, deadline: float) -> Head:
        """Send a request and return the head of its answer, before `deadline` on the loop's clock."""

    def forget(self, route: Route) -> None:
        """Close what is kept for a route."""

    async def close(self) -> None:
        """Close everything."""


class StreamClient:
    """The client itself; `idle` are the connections that wait for the next request."""

    def __init__(self, tls: TlsContexts, idle: IdleConnections) -> None:
        self._tls = tls
        self._deadlines = Deadlines()
        self.idle = idle

    async def exchange(self, route: Route, request: OutgoingRequest, deadline: float) -> Head:
        """Send a request, and once more on a fresh connection when an idle one turns out to be closed."""
        if not route.places.take():
            await _wait_for_place(route, deadline)
        try:
            connection = self._take(route)
            if connection is not None:
                with suppress(ClosedError):
                    return await connection.exchange(_write(request), deadline)
            return await self.exchange_fresh(route, request, deadline)
        finally:
            route.places.give_back()

    async def exchange_fresh(self, route: Route, request: OutgoingRequest, deadline: float) -> Head:
        """Send a request on a connection of its own."""
        connection = await self.connect(route, deadline)
        route.prefer(connection.address)
        return await connection.exchange(_write(request), deadline)

    async def connect(self, route: Route, deadline: float) -> Connection:
        """Connect to the address of a route that answers first; raise `NotConnectedError`."""
        loop = asyncio.get_running_loop()
        target = route.target
        context = self._tls.get(route.identity) if target.is_secure else None
        name = target.host.strip("[]").rstrip(".") if target.is_secure else None

        def make(address: IPAddress) -> Connection:
            return Connection(address, lambda free: self._keep(route, free), self._deadlines)

        async def connect(address: IPAddress) -> Connection:
            _, connection = await loop.create_connection(
                lambda: make(address), str(address), target.port, ssl=context, server_hostname=name
            )
            return connection

        allowed = min(deadline - loop.time(), CONNECT_SECONDS)
        try:
            async with asyncio.timeout(allowed):
                return await connect_first(route.addresses, connect, Connection.close)
        except TimeoutError:
            raise NotConnectedError(words=f"no connection within {allowed:.2g} s") from None

    def forget(self, route: Route) -> None:
        """Close the idle connections of a route."""
        self.idle.close_all(route)

    async def close(self) -> None:
        """Close all idle connections, and let their sockets go."""
        self.idle.close()
        await asyncio.sleep(0)

    def _take(self, route: Route) -> Connection | None:
        while (connection := self.idle.take(route)) is not None:
            if not connection.is_lost and connection.address in route.addresses:
                return connection
            connection.close()
        return None

    def _keep(self, route: Route, connection: Connection) -> None:
        if route.is_forgotten:
            connection.close()
        else:
            self.idle.put(route, connection)


async def _wait_for_place(route: Route, deadline: float) -> None:
    """Wait for one of the connections that a receiver may have."""
    try:
        async with asyncio.timeout_at(deadline):
            await route.places.wait()
    except TimeoutError:
        raise NotAnsweredError(words="all connections that one receiver may have are in use") from None


def _write(request: OutgoingRequest) -> bytes:
    """Return the bytes of a request; a header with a line end in it is refused."""
    to, body, given = request.to, request.body, request.headers
    lines = "".join([f"{name}: {value}\r\n" for name, value in given.items()])
    if lines.count("\n") != len(given) or lines.count("\r") != len(given):
        raise ValueError("a header has a line end in it")
    length = "" if body is None else f"content-length: {len(body)}\r\n"
    head = f"{request.method} {to.target} HTTP/1.1\r\nhost: {to.authority}\r\n{_AGENT}{lines}{length}\r\n"
    return head.encode("latin-1") + (body or b"")
