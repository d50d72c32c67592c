"""Reads requests from connections, each with a deadline for what its caller has to send next.

uvicorn waits without end for a head, for the rest of a body that was answered already, and for a caller to read; it
bounds no head. Bodies have their deadline where they are read (`hub.api.request_body`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from hub.api.joined_writes import JoinedWrites
from hub.api.middleware import HEADERS
from hub.api.problems import problem_response
from hub.errors import FieldError, FieldLocation, HeadTooLarge, HubError, InvalidInput, RequestTimeout, Unavailable

if TYPE_CHECKING:
    import asyncio

    from hub.api.connections import Connections

MAX_HEAD_BYTES: Final = 64 * 1024
"""Room for a token of 16,384 characters, as header and as cookie, and for what proxies add."""
MAX_IGNORED_BYTES: Final = 16 * 1024 * 1024
"""How much of a body is thrown away unread after its answer, so that a caller that sends first hears the answer."""
KEEP_ALIVE_SECONDS: Final = 75.0
CLOSING_SECONDS: Final = 5.0
UNREAD_SECONDS: Final = 60.0
"""How long a caller may leave an answer unread."""


class Phase(Enum):
    """What a connection waits for."""

    HEAD = auto()
    """For the head of a request."""
    WORK = auto()
    """For the application, or for the part of a body that it reads."""
    REST = auto()
    """For the rest of a body that was answered without reading it."""
    IDLE = auto()
    """For the next request."""
    CLOSING = auto()
    """For the caller to take the last answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Guard:
    """What all connections of a process share: their bounds, their patience, and the public address."""

    connections: Connections
    silence_seconds: float
    address: str


class GuardedProtocol(HttpToolsProtocol):
    """A connection of a caller."""

    def __init__(self, *, guard: Guard, **given: Any) -> None:  # noqa: ANN401 - what uvicorn gives each of its protocols
        super().__init__(**given)
        self.usefulness = 0
        self.waits_since: float | None = None
        self._guard = guard
        self._writes: JoinedWrites
        self._phase = Phase.HEAD
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._is_in_head = False
        self._is_in_body = False
        self._head_bytes = 0
        self._ignored_bytes = 0

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Take the connection in, or refuse it when all others are at work."""
        self._writes = JoinedWrites(transport, self.loop)
        super().connection_made(cast("asyncio.Transport", self._writes))
        if self._guard.connections.admit(self, self._address):
            self._enter(Phase.HEAD)
        else:
            self._refuse(Unavailable("all connections are at work"), linger=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._guard.connections.forget(self, self._address)
        for timer in (self._deadline, self._unread):
            if timer is not None:
                timer.cancel()
        self._phase = Phase.CLOSING
        super().connection_lost(exc)

    def give_way(self) -> None:
        """End the connection for another one."""
        if self._phase is Phase.IDLE:
            self.transport.close()
        else:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        if self._phase is Phase.CLOSING:
            return
        self._head_bytes += len(data)
        super().data_received(data)
        if self._is_in_head and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(HeadTooLarge())
        elif not self._is_in_head:
            self._head_bytes = 0

    def on_message_begin(self) -> None:
        """Begin the deadline of a head, unless the one before is still worked on."""
        super().on_message_begin()
        self._is_in_head = True
        if self._phase is Phase.IDLE:
            self._enter(Phase.HEAD)

    def on_headers_complete(self) -> None:
        """Hand a request to the application."""
        self._is_in_head, self._is_in_body = False, True
        super().on_headers_complete()
        self._enter(Phase.WORK)

    def on_body(self, body: bytes) -> None:
        """Hand a part of a body over, or throw it away when its request was answered."""
        if self._phase is Phase.REST:
            self._ignored_bytes += len(body)
            if self._ignored_bytes > MAX_IGNORED_BYTES:
                self.transport.abort()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Know that the body is whole."""
        super().on_message_complete()
        self._is_in_body = False
        self.waits_since = None
        if self._phase is Phase.REST:
            self._enter(Phase.IDLE)

    def on_response_complete(self) -> None:
        """Wait for what comes after an answer."""
        self._writes.flush()
        has_next = bool(self.pipeline)
        super().on_response_complete()
        self._unset_keepalive_if_required()  # the deadlines here replace it
        self.usefulness = max(self.usefulness, 2 if self.scope["state"].get("has_caller") else 1)
        if self.transport.is_closing():
            self._enter(Phase.CLOSING)
        elif has_next:
            self._enter(Phase.WORK)
        elif self._is_in_body:
            self._ignored_bytes = 0
            self._enter(Phase.REST)
        else:
            self._enter(Phase.HEAD if self._is_in_head else Phase.IDLE)

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn always closes at once
        """Let a caller that says that it sends nothing more have its answer."""
        is_at_work = self._phase is Phase.WORK and not self._is_in_body
        if is_at_work:
            self.cycle.keep_alive = False
        return is_at_work

    def pause_writing(self) -> None:
        """Begin the deadline of a caller that does not read its answer."""
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """End that deadline."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP with a problem, as everything else is refused."""
        fault = FieldError(in_=FieldLocation.HEADER, field="", code="not_http", detail=msg)
        self._refuse(InvalidInput([fault], "this is no HTTP request that can be read"))

    def _enter(self, phase: Phase) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        waits = phase is not Phase.WORK or self._is_in_body
        self._phase, self.waits_since = phase, self.loop.time() if waits else None
        seconds = {
            Phase.HEAD: self._guard.silence_seconds,
            Phase.REST: self._guard.silence_seconds,
            Phase.IDLE: KEEP_ALIVE_SECONDS,
            Phase.CLOSING: CLOSING_SECONDS,
        }.get(phase)
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._expire)

    def _expire(self) -> None:
        if self._phase is Phase.HEAD and self._is_in_head:
            self._refuse(RequestTimeout())
        elif self._phase in {Phase.HEAD, Phase.IDLE}:
            self.transport.close()
            self._enter(Phase.CLOSING)
        else:
            self.transport.abort()

    def _refuse(self, error: HubError, *, linger: bool = True) -> None:
        """Answer what never becomes a request, and close; first let the caller end, so that it can read the answer."""
        if self._phase is Phase.CLOSING:
            return
        problem = problem_response(error, self._guard.address)
        added = {**HEADERS, "Connection": "close"}
        headers = [*problem.raw_headers, *((name.encode(), value.encode()) for name, value in added.items())]
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        self.transport.write(STATUS_LINE[problem.status_code] + lines + b"\r\n" + bytes(problem.body))
        if linger:
            self.transport.write_eof()
        else:
            self.transport.close()
        self._enter(Phase.CLOSING)
