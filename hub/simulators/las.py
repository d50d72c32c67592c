"""A believable LAS. In: signed webhooks. Out: answers, good or bad on purpose, and new messages for the reporter.

`GET /received` counts the messages, `?brin=` lists a school's in order; `PUT /mode` makes it `good`, `slow`, `down` or
`rude`; the hub posts to any other path.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, assert_never
from zlib import crc32

import orjson

from hub.clock import now
from hub.domain import signing
from hub.simulators.http import Reply, Request
from hub.simulators.mailbox import Mailbox, RecentIds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SLOW_SECONDS: Final = 2.0
PUBLIC_KEY_CHECKS: Final = 10
REMEMBERED: Final = 50_000
LARGE_BODY: Final = b"x" * 1_000_000
ALLOWED_METHODS: Final = {"allow": "POST, OPTIONS"}


class LasMode(StrEnum):
    """How it behaves towards the hub."""

    GOOD = "good"
    SLOW = "slow"
    DOWN = "down"
    RUDE = "rude"


class SimulatedLas:
    """Answers requests; passes each new message with a good signature to `taken`."""

    def __init__(self, mode: LasMode, taken: Callable[[dict[str, Any]], None], waiting: Callable[[], int]) -> None:
        self.mode = mode
        self.mailbox = Mailbox()
        self.secrets: tuple[bytes, ...] = ()
        self.public_keys: Sequence[Ed25519PublicKey] = ()
        self._taken = taken
        self._waiting = waiting
        self._tried = RecentIds(REMEMBERED)

    def answer(self, request: Request) -> Reply | None:
        """Answer one request; return None while the secret of the subscription is not known yet."""
        match request.method, request.path:
            case "GET", "/received":
                return self._show_received(request.parameter("brin"))
            case "PUT", "/mode":
                return self._set_mode(request.body)
            case (("POST" | "OPTIONS"), _):
                return self._respond(request)
            case _:
                return Reply(status=HTTPStatus.NOT_FOUND)

    def _show_received(self, brin: str | None) -> Reply:
        if brin is not None:
            return _json({"brin": brin, "ids": self.mailbox.ids_of(brin)})
        return _json({**self.mailbox.summary(), "reportsWaiting": self._waiting(), "mode": self.mode})

    def _set_mode(self, body: bytes) -> Reply:
        try:
            asked = orjson.loads(body)
            self.mode = LasMode(asked["mode"] if isinstance(asked, dict) else asked)
        except (ValueError, KeyError, TypeError):
            words = f'send {{"mode": …}} with one of {", ".join(LasMode)}'
            return Reply(status=HTTPStatus.BAD_REQUEST, body=words.encode())
        return _json({"mode": self.mode})

    def _respond(self, request: Request) -> Reply | None:
        match self.mode:
            case LasMode.DOWN:
                return Reply(closes_connection=True)
            case LasMode.SLOW:
                reply = self._serve(request)
                return None if reply is None else replace(reply, delay=SLOW_SECONDS)
            case LasMode.RUDE if request.method == "POST" and self.secrets and self._tried.is_new(_message_id(request)):
                return self._misbehave(request)
            case LasMode.GOOD | LasMode.RUDE:
                return self._serve(request)
            case _:
                assert_never(self.mode)

    def _serve(self, request: Request) -> Reply | None:
        if request.method == "OPTIONS":
            return _consent(request)
        return self._receive(request) if self.secrets else None

    def _receive(self, request: Request) -> Reply:
        try:
            self._check(request)
        except signing.SignatureMismatch as error:
            self.mailbox.bad_signatures += 1
            return Reply(status=HTTPStatus.UNAUTHORIZED, body=str(error).encode())
        event = orjson.loads(request.body)
        if self.mailbox.take(event):
            self._taken(event)
        return Reply()

    def _check(self, request: Request) -> None:
        """Check the secret's signature on every message, and the public key's, which costs more, on every tenth."""
        at = now()
        signing.verify(request.headers, request.body, at, secrets=self.secrets)
        if self.public_keys and self.mailbox.received % PUBLIC_KEY_CHECKS == 0:
            _check_public(request, self.public_keys)

    def _misbehave(self, request: Request) -> Reply:
        """Answer a message in one of five wrong ways, by its id; the second attempt is answered well."""
        match crc32(_message_id(request).encode()) % 5:
            case 0:
                return Reply(closes_connection=True)
            case 1:
                return Reply(status=HTTPStatus.TOO_MANY_REQUESTS, headers={"retry-after": "1"})
            case 2:
                return Reply(status=HTTPStatus.SERVICE_UNAVAILABLE, body=LARGE_BODY)
            case 3:
                self._receive(request)
                return Reply(status=HTTPStatus.BAD_GATEWAY)
            case _:
                return Reply(status=HTTPStatus.INTERNAL_SERVER_ERROR, body=b"<html>er ging iets mis</html>")


def _message_id(request: Request) -> str:
    return request.headers.get("webhook-id", "")


def _consent(request: Request) -> Reply:
    """Consent to any origin, at the rate that it asks for."""
    headers = {"webhook-allowed-origin": request.headers.get("webhook-request-origin", "*"), **ALLOWED_METHODS}
    if "webhook-request-rate" in request.headers:
        headers["webhook-allowed-rate"] = request.headers["webhook-request-rate"]
    return Reply(status=HTTPStatus.OK, headers=headers)


def _check_public(request: Request, keys: Sequence[Ed25519PublicKey]) -> None:
    faults = []
    for key in keys:
        try:
            return signing.verify(request.headers, request.body, now(), public_key=key)
        except signing.SignatureMismatch as error:
            faults.append(error)
    raise faults[0]


def _json(content: object) -> Reply:
    return Reply(status=HTTPStatus.OK, headers={"content-type": "application/json"}, body=orjson.dumps(content))
