"""Does a POST once. In: a request with `Idempotency-Key`. Out: its response; the same response when it is repeated.

The key is claimed first, in a short transaction of its own, so that no request waits for another: while one works, a
second with its key is answered 409 at once. The work and its response are stored in one transaction, by the token of
the claim: a crash keeps both or neither, and of two that work on a key only one commits. A claim ends after a while,
because its process may be gone. What failed, or wrote nothing, is not stored. The same key with another request is a
conflict. A key belongs to who may do what: the same subject with other roles, schools or suppliers does not meet it.
Responses are sealed where there are keys, because one may hold the only copy of a secret that its caller will ever see.
"""

from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Final
from uuid import uuid4

import orjson
from pydantic import SecretStr
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.access import Caller
from hub.api.keyed_work import KeyedWork
from hub.api.limits import identify
from hub.api.state import AppState, app_state
from hub.errors import Conflict, FieldError, FieldLocation, InvalidInput, NotAuthenticated, TooManyRequests
from hub.sealing import seal, unseal
from hub.store import idempotency
from hub.store.idempotency import InProgress, KeyClaim, KnownRequest, StoredResponse
from hub.store.pool import DATABASE_ERRORS

MAX_KEY_LENGTH: Final = 255
MAX_KEPT_BYTES: Final = 65_536
MARGIN_SECONDS: Final = 15.0
"""How long a claim lasts beyond the longest call to a receiver."""
RETRY_FULL_SECONDS: Final = 3600
_KEPT_HEADERS: Final = ("content-type", "location", "etag")
_FIRST_ERROR: Final = 400
_SEALED: Final = b"gA"  # how everything begins that is sealed, and no JSON does


class IdempotencyMiddleware:
    """Wraps the application; requests without a key pass through."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, from the stored response when it was answered before."""
        keys = Headers(scope=scope).getlist("idempotency-key") if scope["type"] == "http" else []
        if not keys or scope["method"] != "POST" or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        key = _check_key(keys)
        request = Request(scope, receive)
        caller = await _identify(request)
        if caller is None:
            await self._app(scope, receive, send)
            return
        with app_state(scope).keyed_calls.entered(caller.subject):
            body = await request.body()
            for message in await self._answer(scope, _wanted(scope, caller, key, body), body):
                await send(message)

    async def _answer(self, scope: Scope, wanted: KeyClaim, body: bytes) -> list[Message]:
        state = app_state(scope)
        if not await _claim(state, wanted):
            async with state.open_pool.acquire() as c:
                known = await idempotency.find(c, wanted.caller, wanted.key)
            return _replay(known, wanted.request_hash, state.settings.secrets.keys)
        scope["hub.keyed"] = work = KeyedWork(state.open_pool)
        is_stored = False
        try:
            messages = await _collect(self._app, scope, body)
            is_stored = await _store(state, work, wanted, messages)
            return messages
        finally:
            with suppress(*DATABASE_ERRORS):  # a lost connection undid the work, and a claim ends by itself
                await work.roll_back()
            if not is_stored:
                with suppress(*DATABASE_ERRORS):
                    await _release(state, wanted)


def _check_key(keys: list[str]) -> str:
    """Return the one key of a request; raise `InvalidInput` for several, or one of another form."""
    key = keys[0]
    if len(keys) > 1 or not 0 < len(key) <= MAX_KEY_LENGTH or not key.isprintable() or not key.isascii():
        detail = f"one key of 1 to {MAX_KEY_LENGTH} printable ASCII characters"
        raise InvalidInput([FieldError(in_=FieldLocation.HEADER, field="/Idempotency-Key", code="form", detail=detail)])
    return key


def _wanted(scope: Scope, caller: Caller, key: str, body: bytes) -> KeyClaim:
    asked = f"{scope['path']}?".encode() + scope["query_string"] + b"\n" + body
    return KeyClaim(
        caller=sha256(orjson.dumps(caller.claims())).hexdigest(),
        subject=idempotency.digest(caller.subject),
        key=key,
        request_hash=sha256(asked).digest(),
        token=uuid4(),
    )


async def _claim(state: AppState, wanted: KeyClaim) -> bool:
    seconds = state.settings.webhook.timeout_seconds + MARGIN_SECONDS
    most = state.settings.limits.kept_answers
    async with state.open_pool.acquire() as c:
        return await idempotency.claim(c, wanted, state.clock(), seconds=seconds, most=most)


async def _release(state: AppState, wanted: KeyClaim) -> None:
    async with state.open_pool.acquire() as c:
        await idempotency.release(c, wanted)


async def _store(state: AppState, work: KeyedWork, claimed: KeyClaim, messages: list[Message]) -> bool:
    """Commit the work with its response; return False when there was nothing to store."""
    answer = _to_stored(messages, claimed.request_hash, state.settings.secrets.keys)
    if answer.status >= _FIRST_ERROR or work.current is None:
        return False
    kept = await idempotency.keep(work.current, claimed, answer)
    if kept == "lost":
        raise _in_use()
    if kept == "kept":
        await work.commit()
    return kept == "kept"


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
        body=None if len(body) > MAX_KEPT_BYTES else seal(body, keys) if keys else body,
    )


def _replay(known: KnownRequest | None, asked: bytes, keys: Sequence[SecretStr]) -> list[Message]:
    if known is None:
        detail = "so many answers are kept for this caller that no more fit; each is kept for 24 hours"
        raise TooManyRequests(RETRY_FULL_SECONDS, detail)
    if known.request_hash != asked:
        raise Conflict("idempotency_key_reused", "this Idempotency-Key was used for another request")
    if isinstance(known, InProgress):
        raise _in_use()
    if known.body is None:
        raise Conflict("answer_not_kept", "this request was done; its answer was too large to be kept")
    body = unseal(known.body, keys) if known.body.startswith(_SEALED) else known.body
    start: Message = {"type": "http.response.start", "status": known.status, "headers": []}
    headers = MutableHeaders(scope=start)
    headers.update({**known.headers, "content-length": str(len(body)), "idempotency-replayed": "true"})
    return [start, {"type": "http.response.body", "body": body}]


def _in_use() -> Conflict:
    detail = "a request with this Idempotency-Key is in progress; ask again in some seconds for its answer"
    return Conflict("idempotency_key_in_use", detail)
