"""A small HTTP/1.1 server for a simulated receiver. In: bytes of connections. Out: requests, and replies to them.

It serves what the hub's client sends: one request at a time per connection, bodies by Content-Length only. It is quick,
because a receiver slower than the hub would be all that a measurement shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, TypeAlias, cast
from urllib.parse import parse_qs

MAX_HEAD_BYTES: Final = 65_536
MAX_BODY_BYTES: Final = 1_048_576
REPEAT_SECONDS: Final = 0.05
END_OF_HEAD: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Request:
    """A request; header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    def parameter(self, name: str) -> str | None:
        """Return the first value of a query parameter."""
        return next(iter(parse_qs(self.query).get(name, ())), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A reply, sent after `delay` seconds; with `closes_connection` the connection is cut instead."""

    status: int = HTTPStatus.NO_CONTENT
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    closes_connection: bool = False


RequestHandler: TypeAlias = Callable[[Request], Reply | None]
"""Returns the reply to a request; None when it is not known yet and the handler is to be called again."""


class HttpConnection(asyncio.Protocol):
    """One connection: collects bytes until a request is complete, answers it, and goes on."""

    def __init__(self, answer: RequestHandler, connections: set[HttpConnection]) -> None:
        self._answer = answer
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._is_busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Forget the transport."""
        self._transport = None
        self._connections.discard(self)

    def close(self) -> None:
        """Close the connection once everything is written."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Collect bytes, and answer complete requests."""
        self._received += data
        if not self._is_busy:
            self._process()

    def _process(self) -> None:
        while not self._is_busy and self._transport is not None:
            try:
                request = self._parse_request()
            except ValueError:
                self._write(Reply(status=HTTPStatus.BAD_REQUEST))
                self._transport.close()
                return
            if request is None:
                return
            self._handle(request)

    def _handle(self, request: Request) -> None:
        reply = self._answer(request)
        self._is_busy = reply is None or reply.delay > 0
        loop = asyncio.get_running_loop()
        if reply is None:
            loop.call_later(REPEAT_SECONDS, self._resume, self._handle, request)
        elif reply.delay:
            loop.call_later(reply.delay, self._resume, self._write, reply)
        else:
            self._write(reply)

    def _resume(self, step: Callable[[Any], None], what: Request | Reply) -> None:
        self._is_busy = False
        step(what)
        self._process()

    def _parse_request(self) -> Request | None:
        received = self._received
        end = received.find(END_OF_HEAD)
        if end < 0:
            if len(received) > MAX_HEAD_BYTES:
                raise ValueError
            return None
        first, *lines = bytes(received[:end]).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        if not 0 <= length <= MAX_BODY_BYTES or "transfer-encoding" in headers:
            raise ValueError
        start = end + len(END_OF_HEAD)
        if len(received) < start + length:
            return None
        body = bytes(received[start : start + length])
        del received[: start + length]
        method, target, _ = first.split(" ")
        path, _, query = target.partition("?")
        return Request(method, path, query, headers, body)

    def _write(self, reply: Reply) -> None:
        if self._transport is None:
            return
        if reply.closes_connection:
            self._transport.abort()
            return
        lines = [f"HTTP/1.1 {int(reply.status)} {HTTPStatus(reply.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        if reply.status != HTTPStatus.NO_CONTENT:
            lines.append(f"content-length: {len(reply.body)}")
        self._transport.write("\r\n".join(lines).encode("latin-1") + END_OF_HEAD + reply.body)


@asynccontextmanager
async def serve_http(answer: RequestHandler, host: str, port: int) -> AsyncIterator[int]:
    """Listen, on a free port when `port` is 0, and yield the port; close all connections at the end."""
    connections: set[HttpConnection] = set()
    server = await asyncio.get_running_loop().create_server(lambda: HttpConnection(answer, connections), host, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in tuple(connections):
            connection.close()
