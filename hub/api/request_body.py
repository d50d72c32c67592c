"""Bounds the bodies of requests: how large, how slow, how many at once. In: a request. Out: the same, or an error.

Without a valid token no call reads its body: the header is enough for 401. Each path has its limit; of the large bodies
a caller has one in progress, and the process works on one at a time, because each takes ten times its size; it reads
and checks them in slices (`hub.api.sliced_route`), and others work in between.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from hub.api.at_once import AtOnce
from hub.api.limits import caller_of, refusal_of
from hub.api.request_form import has_body, is_call

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

KILOBYTE: Final = 1024
UNKNOWN_LIMIT: Final = 32 * KILOBYTE
"""For who logs in."""
USUAL_LIMIT: Final = 256 * KILOBYTE
LARGE: Final = {
    "/v1/reconciliation": 8192 * KILOBYTE,
    "/v1/replays": 1024 * KILOBYTE,
    "/v1/cancellations": 1024 * KILOBYTE,
}
"""The paths whose bodies are lists of thousands."""
WHOLE_BODY_PATIENCES: Final = 6
"""A body may take as many times the patience for its next part."""


class RequestBodyMiddleware:
    """Wraps the application; `silence_seconds` is the patience for the next part of a body."""

    def __init__(self, app: ASGIApp, silence_seconds: float) -> None:
        self._app = app
        self._patience = silence_seconds
        self._turn = asyncio.Lock()
        self._large = AtOnce(1, "large bodies")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through whose body is bounded."""
        headers = Headers(scope=scope) if scope["type"] == "http" else None
        if headers is None or not has_body(headers):
            await self._app(scope, receive, send)
            return
        caller = caller_of(scope)
        if caller is None and is_call(scope):
            raise refusal_of(scope)
        limit = UNKNOWN_LIMIT if caller is None else LARGE.get(scope["path"], USUAL_LIMIT)
        declared = int(headers["content-length"]) if "content-length" in headers else limit
        if declared > limit:
            raise too_large(limit)
        body = _BoundedBody(receive, limit, self._patience)
        if caller is None or declared <= USUAL_LIMIT:
            await self._app(scope, body.receive, send)
            return
        with self._large.entered(caller.subject):
            whole = await body.read()
            async with self._turn:
                await self._app(scope, _replay(whole), send)


class _BoundedBody:
    """The body of one request, read with a deadline until it is whole."""

    def __init__(self, receive: Receive, limit: int, patience: float) -> None:
        self._receive = receive
        self._limit = limit
        self._patience = patience
        self._until = asyncio.get_running_loop().time() + WHOLE_BODY_PATIENCES * patience
        self._read = 0
        self._is_whole = False

    async def receive(self) -> Message:
        """Return the next message; raise the one kind of error that FastAPI lets through, for 408 and 413."""
        if self._is_whole:
            return await self._receive()
        deadline = min(self._until, asyncio.get_running_loop().time() + self._patience)
        try:
            async with asyncio.timeout_at(deadline):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT) from None
        self._read += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._read > self._limit:
            raise too_large(self._limit)
        return message

    async def read(self) -> list[Message]:
        """Read the whole body."""
        messages = [await self.receive()]
        while not self._is_whole:
            messages.append(await self.receive())
        return messages


def too_large(limit: int) -> HTTPException:
    """Make the error of a body beyond its limit."""
    return HTTPException(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body is larger than {limit // KILOBYTE} KB, the most that is read here",
    )


def _replay(messages: list[Message]) -> Receive:
    waiting = iter(messages)

    async def receive() -> Message:
        return next(waiting, {"type": "http.disconnect"})

    return receive
