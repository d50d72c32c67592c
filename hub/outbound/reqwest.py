"""The other client: pyreqwest, for the day that ours must be replaced. In: a route, a request. Out: the head.

It costs more time and refuses answers that others accept, so what it cannot read or send is sent once more by ours; the
same suite of tests holds both.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import ConnectTimeoutError, PoolTimeoutError, PyreqwestError, RequestTimeoutError

from hub.outbound.answers import NotAnsweredError, NotConnectedError
from hub.outbound.heads import KEPT_HEADERS, Head
from hub.outbound.streams import CONNECT_SECONDS, USER_AGENT

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

    from pyreqwest.client import Client
    from pyreqwest.request import RequestBuilder

    from hub.outbound.addresses import IPAddress
    from hub.outbound.routes import Route
    from hub.outbound.streams import OutgoingRequest, StreamClient

CONNECTIONS: Final = 256
IDLE_SECONDS: Final = 55.0
READ_SECONDS: Final = 2.0
MAX_BODY_BYTES: Final = 2048
T = TypeVar("T")


class ReqwestClient:
    """A client per route, pinned to the address that was vetted."""

    def __init__(self, streams: StreamClient, trusted: bytes | None, seconds: float) -> None:
        self._streams = streams
        self._trusted = trusted
        self._wait = timedelta(seconds=seconds)
        self._clients: dict[Route, tuple[IPAddress, Client]] = {}

    async def exchange(self, route: Route, request: OutgoingRequest, deadline: float) -> Head:
        """Send a request; what comes to no proper answer is sent once more, on a fresh connection of ours."""
        left = timedelta(seconds=max(0.001, deadline - asyncio.get_running_loop().time()))
        try:
            return await _exchange(self._client(route).request(request.method, request.to.url).timeout(left), request)
        except PoolTimeoutError:
            raise NotAnsweredError(words="all connections that one receiver may have are in use") from None
        except RequestTimeoutError as error:
            if asyncio.get_running_loop().time() >= deadline or not isinstance(error, ConnectTimeoutError):
                raise TimeoutError from None
            if len(route.addresses) == 1:
                raise NotConnectedError(words=f"no connection within {CONNECT_SECONDS:g} s") from None
        except (
            PyreqwestError,
            ValueError,
            RuntimeError,
        ):
            pass  # ours says in better words what is wrong
        return await self._streams.exchange_fresh(route, request, deadline)

    def forget(self, route: Route) -> None:
        """Drop the client of a route; requests under way keep it."""
        self._clients.pop(route, None)
        self._streams.forget(route)

    async def close(self) -> None:
        """Close all clients."""
        for _, client in self._clients.values():
            await client.close()
        self._clients.clear()
        await self._streams.close()

    def _client(self, route: Route) -> Client:
        pinned = self._clients.get(route)
        if pinned is None or pinned[0] not in route.addresses:
            address = route.addresses[0]
            pinned = self._clients[route] = address, _build(route, address, self._trusted, self._wait)
        return pinned[1]


def _build(route: Route, address: IPAddress, trusted: bytes | None, wait: timedelta) -> Client:
    builder = (
        ClientBuilder()
        .user_agent(USER_AGENT)
        .http1_only()
        .http1_allow_spaces_after_header_name_in_responses(value=True)
        .http1_allow_obsolete_multiline_headers_in_responses(value=True)
        .http1_ignore_invalid_headers_in_responses(value=True)
        .no_proxy()
        .follow_redirects(enable=False)
        .referer(enable=False)
        .gzip(enable=False)
        .brotli(enable=False)
        .zstd(enable=False)
        .deflate(enable=False)
        .connect_timeout(timedelta(seconds=CONNECT_SECONDS / len(route.addresses)))
        .pool_timeout(wait)
        .pool_idle_timeout(timedelta(seconds=IDLE_SECONDS))
        .pool_max_idle_per_host(CONNECTIONS)
        .max_connections(CONNECTIONS)
        .resolve(route.target.host, str(address), route.target.port)
    )
    builder = builder.add_root_certificate_pem(trusted) if trusted else builder
    return (builder.identity_pem(route.identity) if route.identity and route.target.is_secure else builder).build()


async def _exchange(sending: RequestBuilder, request: OutgoingRequest) -> Head:
    sending = sending.headers(request.headers).streamed_read_buffer_limit(0)
    if request.body is not None:
        sending = sending.body_bytes(request.body)
    streamed = sending.build_streamed()
    response, body = await Cancellable(streamed.__aenter__()), None
    try:
        kept = {name: value for name in KEPT_HEADERS if (value := response.get_header(name)) is not None}
        if response.status != HTTPStatus.NO_CONTENT:
            async with asyncio.timeout(READ_SECONDS):
                body = await Cancellable(response.body_reader.read(MAX_BODY_BYTES))
    except (PyreqwestError, TimeoutError):  # the body drips, breaks off, or is shorter than announced
        pass
    finally:
        await Cancellable(streamed.__aexit__(None, None, None))
    head = Head(response.status, kept)
    return head if head.is_success else replace(head, excerpt=bytes(body or b""))


def open_api_client(base: str, patience: timedelta) -> Client:
    """Return a client for an API at this address, such as the hub's own; by plain http it needs no authorities."""
    builder = ClientBuilder().timeout(patience).follow_redirects(enable=False).no_proxy()
    if base.startswith("http://"):  # the library would read the machine's store, and refuse a machine without one
        builder = builder.danger_accept_invalid_certs(enable=True)
    return builder.build()


class Cancellable(Generic[T]):
    """A coroutine of the HTTP client that can be cancelled while it is awaited, once.

    A coroutine of pyreqwest 0.15 that is cancelled at an unlucky moment waits forever, and with it the process that
    wants to end. So it is closed instead, which drops its request.
    """

    __slots__ = ("_coroutine",)

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, None, T]:
        inner = self._coroutine
        try:
            while True:
                try:
                    step = inner.send(None)
                except StopIteration as end:
                    result: T = end.value
                    return result
                yield step
        finally:
            inner.close()
