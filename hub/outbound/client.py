"""The one HTTP client to receivers. In: a URL, headers, a body. Out: an answer, or why there is none, as data.

Nothing is raised for what networks and receivers do. Every request passes the address guard; no redirect is followed,
no proxy of the environment is used, and only the beginning of a body is read. Next: `hub.outbound.webhook` decides what
an answer means.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeAlias, TypeVar

from pyreqwest.exceptions import (
    ConnectError,
    ConnectTimeoutError,
    DetailedPyreqwestError,
    PoolTimeoutError,
    PyreqwestError,
    RequestTimeoutError,
)

from hub.outbound.addresses import AddressNotAllowed
from hub.outbound.routes import CONNECT_SECONDS, Resolve, Route, make_route, read_client_options, resolve

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator, Mapping
    from types import TracebackType

    from pyreqwest.client import Client
    from pyreqwest.request import RequestBuilder
    from pyreqwest.response import Response

    from hub.settings import Webhook

MAX_BODY_BYTES: Final = 2048
READ_SECONDS: Final = 2.0
KEPT_HEADERS: Final = ("retry-after", "webhook-allowed-origin", "webhook-allowed-rate")
CHECK_SECONDS: Final = 60.0
FORGET_SECONDS: Final = 900.0
NO_CONTENT: Final = 204
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The receiver answered; `body` is the beginning of the body, `headers` are those that the hub reads."""

    status: int
    duration_ms: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """No answer came, or not in time; `error` says why and holds nothing of the URL."""

    error: str
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRefused:
    """The address is not one that the hub calls; nothing was sent."""

    error: str
    duration_ms: int = 0


Answer: TypeAlias = Answered | Unreachable | AddressRefused


class Outbound:
    """Sends requests to receivers; one per process, open as long as it runs."""

    def __init__(self, settings: Webhook, resolve: Resolve = resolve) -> None:
        self._options = read_client_options(settings)
        self._resolve = resolve
        self._routes: dict[tuple[str, bytes | None], Route] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        clients = [route.client for route in self._routes.values()]
        self._routes.clear()
        for client in clients:
            if client is not None:
                await client.close()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, *, identity: bytes | None = None) -> Answer:
        """Send one POST; `identity` is a certificate and key (PEM) to be known by there, else the hub's own."""
        return await self._send("POST", url, headers, body, identity)

    async def options(self, url: str, headers: Mapping[str, str], *, identity: bytes | None = None) -> Answer:
        """Send one OPTIONS request, without a body."""
        return await self._send("OPTIONS", url, headers, None, identity)

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, identity: bytes | None
    ) -> Answer:
        started = perf_counter()
        try:
            route, client = await self._find_route(url, identity, started)
        except AddressNotAllowed as error:
            return AddressRefused(error=str(error), duration_ms=_since(started))
        except ValueError:  # the library cannot read a certificate, the hub's own or an authority's
            return AddressRefused(error="the client certificate cannot be used", duration_ms=_since(started))
        except OSError as error:
            why = error.strerror or f"no answer within {self._options.timeout_seconds:g} s"
            return Unreachable(error=f"the name cannot be resolved: {why}", duration_ms=_since(started))
        try:
            return await _exchange(client.request(method, route.target.url), headers, body, started)
        except PyreqwestError as error:
            if isinstance(error, ConnectError | ConnectTimeoutError):
                route.move_on(client)
            return Unreachable(error=self._describe(error, _since(started) / 1000), duration_ms=_since(started))

    async def _find_route(self, url: str, identity: bytes | None, at: float) -> tuple[Route, Client]:
        route = self._routes.get((url, identity)) or self._add_route(url, identity, at)
        route.used_at = at
        client = route.client
        if client is None:
            async with asyncio.timeout(self._options.timeout_seconds):
                client = await route.check(at)
        elif at - route.checked_at > CHECK_SECONDS:
            route.check_soon(at)
        return route, client

    def _add_route(self, url: str, identity: bytes | None, at: float) -> Route:
        route = make_route(url, self._options, self._resolve, identity)
        self._routes = {key: old for key, old in self._routes.items() if at - old.used_at < FORGET_SECONDS}
        self._routes[url, identity] = route
        return route

    def _describe(self, error: PyreqwestError, seconds: float) -> str:
        match error:
            case ConnectTimeoutError() if seconds < self._options.timeout_seconds:
                return f"no connection within {CONNECT_SECONDS:g} s"
            case PoolTimeoutError():
                return "all connections that one receiver may have are in use"
            case RequestTimeoutError():
                return f"no answer within {self._options.timeout_seconds:g} s"
            case ConnectError():
                return f"no connection: {_last_cause(error)}"
            case _:
                return f"no proper answer: {_last_cause(error)}"


async def _exchange(
    request: RequestBuilder, headers: Mapping[str, str], body: bytes | None, started: float
) -> Answered:
    request = request.headers(headers).streamed_read_buffer_limit(0)
    if body is not None:
        request = request.body_bytes(body)
    sending = request.build_streamed()
    response = await Cancellable(sending.__aenter__())
    try:
        status = response.status
        body_read = b"" if status == NO_CONTENT else await _read_beginning(response)
        kept = {name: value for name in KEPT_HEADERS if (value := response.get_header(name)) is not None}
    finally:
        await Cancellable(sending.__aexit__(None, None, None))
    return Answered(status=status, duration_ms=_since(started), body=body_read, headers=kept)


async def _read_beginning(response: Response) -> bytes:
    """Read the body up to a bound of bytes and of time; the status is the answer, whatever becomes of the rest."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            return bytes(await Cancellable(response.body_reader.read(MAX_BODY_BYTES)) or b"")
    except (PyreqwestError, TimeoutError):  # it drips, breaks off, or announced more than it has
        return b""


def _since(started: float) -> int:
    return round((perf_counter() - started) * 1000)


def _last_cause(error: PyreqwestError) -> str:
    """Return the innermost cause in the library's words; the outermost one holds the URL, which may hold a secret."""
    causes = error.details["causes"] if isinstance(error, DetailedPyreqwestError) else None
    return causes[-1]["message"] if causes and len(causes) > 1 else error.message


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
