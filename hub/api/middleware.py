"""Wraps every request. In: a request. Out: its response, with the headers that all responses have.

It lets the form of a request be checked, continues the trace, notifies channels of committed work, turns unexpected
errors into problems, and logs one line per request. HEAD is answered like GET, without the body.
"""

from __future__ import annotations

from contextlib import nullcontext
from time import perf_counter
from typing import TYPE_CHECKING, Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from hub.api.problems import error_response, translate
from hub.api.pseudonyms import pseudonym_of
from hub.api.request_form import BASE, check_form, is_call
from hub.api.state import app_state
from hub.errors import HubError, Unavailable
from hub.telemetry import LineLog
from hub.telemetry.output import clean_text
from hub.telemetry.spans import end_request, request_span

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from opentelemetry.trace import Span
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from hub.api.problems import ErrorPage

API_VERSION: Final = "1.0.0"
HEADERS: Final = {
    "API-Version": API_VERSION,
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_ROUTINE: Final = ("/health/", "/metrics")
_RAW_HEADERS: Final = tuple((name.lower().encode(), value.encode()) for name, value in HEADERS.items())
log = structlog.get_logger(__name__)
answers: Final = LineLog(structlog.get_logger(__name__))


class ErrorMiddleware:
    """Wraps the application; `address` is its public address, `page` renders the page of an error."""

    def __init__(self, app: ASGIApp, address: str, page: ErrorPage | None = None) -> None:
        self._app = app
        self._address = address
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        scope["hub.notifications"] = set()
        exchange = _Exchange(scope, receive, send, self._address)
        scope = exchange.scope
        with _span_of(scope) as span:
            try:
                check_form(scope)
                await self._app(scope, exchange.receive, exchange.send)
            except Exception as error:  # noqa: BLE001 - every error is answered
                await self._fail(error, exchange)
            await _log_request(scope, exchange.status, perf_counter() - started)
            end_request(span, scope["method"], _route_of(scope), exchange.status)

    async def _fail(self, error: Exception, exchange: _Exchange) -> None:
        known = error if isinstance(error, HubError) else translate(error)
        scope = exchange.scope
        if isinstance(error, ClientDisconnect):
            return
        if not isinstance(error, HubError | HTTPException):
            _log_failure(scope, error, is_passing=isinstance(known, Unavailable))
        if exchange.status:
            raise error
        answer = error_response(Request(scope), known, self._address, self._page)
        await answer(scope, exchange.receive, exchange.send)


def _span_of(scope: Scope) -> AbstractContextManager[Span | None]:
    """Continue the trace of a request; probes and scrapes have none."""
    if scope["path"].startswith(_ROUTINE):
        return nullcontext()
    return request_span(scope["method"], Headers(scope=scope).get("traceparent"))


def _route_of(scope: Scope) -> str:
    """Return the path of the route that answered, as the API's description has it."""
    path = str(getattr(scope.get("route"), "path", "/elsewhere"))
    return BASE + path if is_call(scope) and not path.startswith(BASE) else path


def _log_failure(scope: Scope, error: Exception, *, is_passing: bool) -> None:
    """Log an error of a library; what passes by itself needs no traceback, of which there would be one per call."""
    if is_passing:
        said = f"{type(error).__name__}: {error}"
        log.warning("request.failed", method=scope["method"], path=scope["path"], error=said, next="callers try again")
    else:
        log.error("request.failed", method=scope["method"], path=scope["path"], exc_info=error)


class _Exchange:
    """One request and its response: the response gets its headers."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, address: str) -> None:
        self.scope = scope if scope["method"] != "HEAD" else {**scope, "method": "GET", "hub.is_head": True}
        self._address = address
        self.status = 0
        self.receive = receive
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            _finish(self.scope, message, self._address)
        elif "hub.is_head" in self.scope:
            message = {**message, "body": b""}
        await self._send(message)


def _finish(scope: Scope, start: Message, address: str) -> None:
    given = dict(start["headers"])
    location: bytes = given.get(b"location", b"")
    if is_call(scope) and location.startswith(b"/"):
        MutableHeaders(scope=start)["location"] = address + location.decode()
    start["headers"] = [*start["headers"], *(each for each in _RAW_HEADERS if each[0] not in given)]
    for channel in scope["hub.notifications"]:
        app_state(scope).notifier(channel).notify()


async def _log_request(scope: Scope, status: int, seconds: float) -> None:
    path, milliseconds = scope["path"], round(seconds * 1000, 1)
    method = "HEAD" if "hub.is_head" in scope else scope["method"]
    if path.startswith(_ROUTINE):
        log.debug("request.answered", method=method, path=path, status=int(status), ms=milliseconds)
    elif answers.is_on:
        answers.info(
            "request.answered",
            method=clean_text(method),
            path=clean_text(path),
            status=int(status),
            caller=await pseudonym_of(app_state(scope), scope.get("hub.caller")),
            address=clean_text(str((scope.get("client") or ("",))[0])),
            ms=milliseconds,
        )
