"""The one way out to receivers. In: a URL, headers, a body. Out: an answer, or why there is none, as data.

Nothing is raised for what networks and receivers do. Every request passes the address guard; no redirect is followed,
no proxy of the environment is used, and only the head of an answer is kept. Which client sends is a setting. Next:
`hub.outbound.webhook` decides what an answer means.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Self

from hub.outbound import failures
from hub.outbound.addresses import AddressNotAllowed, read_url
from hub.outbound.answers import AddressRefused, Answer, Answered, NotAnsweredError, NotConnectedError, Unreachable
from hub.outbound.certificates import read_certificates
from hub.outbound.connections import IdleConnections
from hub.outbound.look import LookingClient, Reached
from hub.outbound.names import SystemNames
from hub.outbound.reqwest import ReqwestClient
from hub.outbound.routes import Routes
from hub.outbound.streams import HttpClient, OutgoingRequest, StreamClient
from hub.outbound.tls import IdentityUnusable, TlsContexts
from hub.settings.groups import HttpClientName

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from types import TracebackType

    from hub.outbound.names import NameService
    from hub.outbound.routes import Route
    from hub.settings import Webhook

MAX_IDLE: Final = 1024
_read_url = lru_cache(1024)(read_url)


class Outbound:
    """Sends requests to receivers; one per process, open as long as it runs."""

    def __init__(self, settings: Webhook, names: NameService | None = None) -> None:
        self._seconds = settings.timeout_seconds
        self._allowed = settings.allowed_networks
        self._certificates = read_certificates(settings)
        self._names = names or SystemNames()
        self.idle = IdleConnections(MAX_IDLE)
        self._streams = streams = StreamClient(TlsContexts(self._certificates.trusted), self.idle)
        self._client: HttpClient = streams
        if settings.http_client is HttpClientName.PYREQWEST:
            self._client = ReqwestClient(streams, self._certificates.trusted, self._seconds)
        self.routes = Routes(self._names, self._client.forget)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, identity: bytes | None = None
    ) -> Coroutine[Any, Any, Answer]:
        """Send one POST; `identity` is a certificate and key (PEM) to be known by there, else the hub's own."""
        started = perf_counter()
        try:
            target = _read_url(url)
        except AddressNotAllowed as error:
            return _return(AddressRefused(error=str(error), duration_ms=_since(started)))
        route = self.routes.find(target, identity or self._certificates.identity)
        return self._send(route, OutgoingRequest("POST", target, headers, body), started)

    async def options(self, url: str, headers: Mapping[str, str], *, identity: bytes | None = None) -> Answer:
        """Send one OPTIONS request, without a body; it leaves no connection behind."""
        return await self._ask_once(url, headers, identity, self._client)

    async def look(self, url: str, *, identity: bytes | None = None) -> Reached | Answer:
        """Connect as for a message, send nothing, and return the certificate that the receiver showed."""
        looking = LookingClient(self._streams)
        answer = await self._ask_once(url, {}, identity, looking)
        return Reached(certificate=looking.certificate) if isinstance(answer, Answered) else answer

    def fit_into(self, files_left: int) -> None:
        """Keep no more idle connections than half of what this process may have."""
        self.idle.resize(max(1, min(MAX_IDLE, (len(self.idle) + files_left) // 2)))

    async def _ask_once(
        self, url: str, headers: Mapping[str, str], identity: bytes | None, client: HttpClient
    ) -> Answer:
        started = perf_counter()
        try:
            target = read_url(url)
        except AddressNotAllowed as error:
            return AddressRefused(error=str(error), duration_ms=_since(started))
        route = self.routes.make(target, identity or self._certificates.identity)
        try:
            return await self._send(route, OutgoingRequest("OPTIONS", target, headers, None), started, client)
        finally:
            self.routes.drop(route)

    async def _send(
        self, route: Route, request: OutgoingRequest, started: float, client: HttpClient | None = None
    ) -> Answer:
        at = asyncio.get_running_loop().time()
        deadline = at + self._seconds
        if not route.is_open(at) and (refused := await self._open(route, deadline, started)) is not None:
            return refused
        is_own = route.identity is self._certificates.identity
        try:
            head = await (client or self._client).exchange(route, request, deadline)
        except NotAnsweredError as error:
            if isinstance(error, NotConnectedError):
                route.doubt()
            return failures.describe(error, route, _since(started), is_own_identity=is_own)
        except TimeoutError:
            return Unreachable(error=f"no answer within {self._seconds:g} s", duration_ms=_since(started))
        except IdentityUnusable as error:
            return failures.describe_identity(error, _since(started), is_own=is_own)
        return Answered(status=head.status, duration_ms=_since(started), headers=head.headers, excerpt=head.excerpt)

    async def _open(self, route: Route, deadline: float, started: float) -> Answer | None:
        try:
            async with asyncio.timeout_at(deadline):
                await route.open(self._allowed)
        except AddressNotAllowed as error:
            return AddressRefused(error=str(error), duration_ms=_since(started))
        except OSError as error:
            return await failures.describe_name(error, self._names, self._seconds, _since(started))
        return None


async def _return(answer: Answer) -> Answer:
    return answer


def _since(started: float) -> int:
    return round((perf_counter() - started) * 1000)
