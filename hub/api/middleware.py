"""Wraps every request. In: a request. Out: its response, with the headers that all responses have.

It checks what needs no knowledge of the resource (media types, NUL, size), continues the trace, notifies channels of
committed work, turns unexpected errors into problems, and logs one line per request.
"""

from __future__ import annotations

import re
from time import perf_counter
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException

from hub.api.problems import problem_response, translate
from hub.api.state import app_state
from hub.errors import (
    FieldError,
    FieldLocation,
    HubError,
    InvalidInput,
    MediaNotAccepted,
    MediaNotSupported,
    Unavailable,
)
from hub.telemetry import continued_trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES: Final = 8 * 1024 * 1024
API_VERSION: Final = "1.0.0"
BASE: Final = "/v1"
HEADERS: Final = {
    "API-Version": API_VERSION,
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_JSON: Final = re.compile(r"application/([\w.-]+\+)?json")
_TAKES_JSON: Final = re.compile(r"application/(([\w.-]+\+)?json|x-ndjson|\*)|\*/\*")
_WRITES: Final = frozenset({"POST", "PUT", "PATCH"})
_ROUTINE: Final = ("/health/", "/metrics")
log = structlog.get_logger(__name__)


class ErrorMiddleware:
    """Wraps the application; `address` is its public address."""

    def __init__(self, app: ASGIApp, address: str) -> None:
        self._app = app
        self._address = address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        scope["hub.notifications"] = set()
        exchange = _Exchange(scope, receive, send)
        with continued_trace(Headers(scope=scope).get("traceparent")):
            try:
                _check_form(scope)
                await self._app(scope, exchange.receive, exchange.send)
            except Exception as error:  # noqa: BLE001 - every error is answered
                await self._fail(error, exchange)
            _log_request(scope, exchange.status, perf_counter() - started)

    async def _fail(self, error: Exception, exchange: _Exchange) -> None:
        known = error if isinstance(error, HubError) else translate(error)
        scope = exchange.scope
        if not isinstance(error, HubError | HTTPException):
            tell = log.warning if isinstance(known, Unavailable) else log.error
            tell("request.failed", method=scope["method"], path=scope["path"], exc_info=error)
        if exchange.status:
            raise error
        await problem_response(known, self._address)(scope, exchange.receive, exchange.send)


class _Exchange:
    """One request and its response: the request is bounded, the response gets its headers."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.status = 0
        self._receive = receive
        self._send = send
        self._read = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read > MAX_BODY_BYTES:
            raise HTTPException(413)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            _finish(self.scope, message)
        await self._send(message)


def _check_form(scope: Scope) -> None:
    if faults := list(_nul_characters(scope)):
        raise InvalidInput(faults)
    if not scope["path"].startswith(f"{BASE}/"):
        return
    headers = Headers(scope=scope)
    if not _takes_json(headers.get("accept")):
        raise MediaNotAccepted
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    if has_body and scope["method"] in _WRITES and not _JSON.fullmatch(_media_type(headers.get("content-type", ""))):
        raise MediaNotSupported


def _nul_characters(scope: Scope) -> Iterator[FieldError]:
    detail = "it holds the character NUL"
    if b"%00" in scope.get("raw_path", b""):
        yield FieldError(in_=FieldLocation.PATH, field="", code="nul_character", detail=detail)
    if b"%00" in scope["query_string"]:
        for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
            if "\x00" in name or "\x00" in value:
                field = "/" + name.replace("\x00", "")
                yield FieldError(in_=FieldLocation.QUERY, field=field, code="nul_character", detail=detail)


def _takes_json(accept: str | None) -> bool:
    if not accept:
        return True
    ranges = [part.strip() for part in accept.split(",")]
    return any(
        _TAKES_JSON.fullmatch(_media_type(part)) and not re.search(r";\s*q=0(\.0*)?\s*(;|$)", part) for part in ranges
    )


def _media_type(text: str) -> str:
    return text.partition(";")[0].strip().lower()


def _finish(scope: Scope, start: Message) -> None:
    headers = MutableHeaders(scope=start)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    for channel in scope["hub.notifications"]:
        app_state(scope).notifier(channel).notify()


def _log_request(scope: Scope, status: int, seconds: float) -> None:
    tell = log.debug if scope["path"].startswith(_ROUTINE) else log.info
    tell(
        "request.answered",
        method=scope["method"],
        path=scope["path"],
        status=status,
        ms=round(seconds * 1000, 1),
    )
