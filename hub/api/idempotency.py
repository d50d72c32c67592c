"""Does a POST once. In: a request with `Idempotency-Key`. Out: its response; the same response when it is repeated.

The work and its response are stored in one transaction: a crash keeps both or neither. Requests with the same key wait
for each other. Refused requests did nothing and are not stored. The same key with another request is a conflict.
Responses are sealed where there are keys, because one may hold the only copy of a secret that its caller will ever see.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from pydantic import SecretStr
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.access import Caller
from hub.api.limits import identify
from hub.api.state import app_state
from hub.errors import Conflict, FieldError, FieldLocation, InvalidInput, NotAuthenticated
from hub.sealing import seal, unseal
from hub.store import idempotency
from hub.store.idempotency import StoredResponse

MAX_KEY_LENGTH: Final = 255
_KEPT_HEADERS: Final = ("content-type", "location", "etag")
_FIRST_ERROR: Final = 400
_SEALED: Final = b"gA"  # how everything begins that is sealed, and no JSON does


class IdempotencyMiddleware:
    """Wraps the application; requests without a key pass through."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, from the stored response when it was answered before."""
        key = Headers(scope=scope).get("idempotency-key") if scope["type"] == "http" else None
        if key is None or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        _check_key(key)
        request = Request(scope, receive)
        caller = await _identify(request)
        if caller is None:
            await self._app(scope, receive, send)
            return
        body = await request.body()
        for message in await self._answer(scope, idempotency.caller_digest(caller.subject), key, body):
            await send(message)

    async def _answer(self, scope: Scope, caller: str, key: str, body: bytes) -> list[Message]:
        state = app_state(scope)
        now = state.clock()
        asked = sha256(f"{scope['path']}?".encode() + scope["query_string"] + b"\n" + body).digest()
        async with state.open_pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            committed = False
            try:
                known = await idempotency.find(connection, caller, key, now)
                if known is not None:
                    return _replay(known, asked, state.settings.secrets.keys)
                scope["hub.connection"] = connection
                messages = await _collect(self._app, scope, body)
                answer = _to_stored(messages, asked, state.settings.secrets.keys)
                if answer.status < _FIRST_ERROR:
                    await idempotency.keep(connection, caller, key, answer, now)
                    await transaction.commit()
                    committed = True
                return messages
            finally:
                if not committed:
                    await transaction.rollback()


def _check_key(key: str) -> None:
    if not 0 < len(key) <= MAX_KEY_LENGTH or not key.isprintable() or not key.isascii():
        detail = f"1 to {MAX_KEY_LENGTH} printable ASCII characters"
        raise InvalidInput([FieldError(in_=FieldLocation.HEADER, field="/Idempotency-Key", code="form", detail=detail)])


async def _identify(request: Request) -> Caller | None:
    """Return the caller; None when the application itself is going to refuse the token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    try:
        return await identify(request.scope, token.strip())
    except NotAuthenticated:
        return None


async def _collect(app: ASGIApp, scope: Scope, body: bytes) -> list[Message]:
    messages: list[Message] = []
    given = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return given.pop() if given else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, send)
    return messages


def _to_stored(messages: list[Message], asked: bytes, keys: Sequence[SecretStr]) -> StoredResponse:
    start, *rest = messages
    body = b"".join(message.get("body", b"") for message in rest)
    headers = Headers(raw=start["headers"])
    return StoredResponse(
        request_hash=asked,
        status=start["status"],
        headers={name: headers[name] for name in _KEPT_HEADERS if name in headers},
        body=seal(body, keys) if keys else body,
    )


def _replay(known: StoredResponse, asked: bytes, keys: Sequence[SecretStr]) -> list[Message]:
    if known.request_hash != asked:
        raise Conflict("idempotency_key_reused", "this Idempotency-Key was used for another request")
    body = unseal(known.body, keys) if known.body.startswith(_SEALED) else known.body
    start: Message = {"type": "http.response.start", "status": known.status, "headers": []}
    headers = MutableHeaders(scope=start)
    headers.update({**known.headers, "content-length": str(len(body)), "idempotency-replayed": "true"})
    return [start, {"type": "http.response.body", "body": body}]
