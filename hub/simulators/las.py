"""A believable LAS. In: signed webhooks. Out: answers, good or bad on purpose, and new messages for the reporter.

`GET /received` counts the messages, `?brin=` lists a school's in order; `PUT /mode` makes it `good`, `slow`, `down` or
`rude`, and gives it the `faults` of `las_faults`; the hub posts to any other path.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, assert_never
from zlib import crc32

import orjson

from hub.clock import now
from hub.domain import signing
from hub.simulators import las_faults
from hub.simulators.http import Reply, Request
from hub.simulators.las_faults import LasFault
from hub.simulators.mailbox import Mailbox, RecentIds

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

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

    def __init__(
        self,
        mode: LasMode,
        taken: Callable[[dict[str, Any]], None],
        waiting: Callable[[], int],
        faults: Collection[LasFault] = (),
    ) -> None:
        self.mode = mode
        self.faults = frozenset(faults)
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
        return _json({**self.mailbox.summary(), "reportsWaiting": self._waiting(), **self._behaviour()})

    def _behaviour(self) -> dict[str, Any]:
        return {"mode": self.mode, "faults": sorted(self.faults)}

    def _set_mode(self, body: bytes) -> Reply:
        try:
            asked = orjson.loads(body)
            asked = asked if isinstance(asked, dict) else {"mode": asked}
            mode, faults = LasMode(asked.get("mode", self.mode)), asked.get("faults", self.faults)
            self.mode, self.faults = mode, frozenset(LasFault(each) for each in faults)
        except (ValueError, TypeError):
            words = f'send {{"mode": …, "faults": […]}}: one of {", ".join(LasMode)}; some of {", ".join(LasFault)}'
            return Reply(status=HTTPStatus.BAD_REQUEST, body=words.encode())
        return _json(self._behaviour())

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
            return las_faults.consent(request, self.faults) or _consent(request)
        if not self.secrets:
            return None
        reply = self._receive(request)
        return replace(reply, delay=las_faults.TOO_SLOW_SECONDS) if LasFault.TOO_SLOW in self.faults else reply

    def _receive(self, request: Request) -> Reply:
        try:
            las_faults.verify(request, self.secrets, self.faults)
        except signing.SignatureMismatch as error:
            self.mailbox.bad_signatures += 1
            return las_faults.refusal(str(error), self.faults)
        self._check_public_key(request)
        event = orjson.loads(request.body)
        if objection := las_faults.object_to(event, len(request.body), self.mailbox, self.faults):
            return objection
        if self.mailbox.take(event):
            self._taken(event)
        return Reply()

    def _check_public_key(self, request: Request) -> None:
        """Check the public key's signature, which costs more, on every tenth message; count it where it is wrong.

        One signature that is right is enough to take a message, so a wrong one is no reason to refuse it.
        """
        if self.public_keys and self.mailbox.received % PUBLIC_KEY_CHECKS == 0:
            self.mailbox.bad_signatures += not _is_signed_by(self.public_keys, request)

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


def _is_signed_by(keys: Sequence[Ed25519PublicKey], request: Request) -> bool:
    for key in keys:
        with suppress(signing.SignatureMismatch):
            signing.verify(request.headers, request.body, now(), public_key=key)
            return True
    return False


def _json(content: object) -> Reply:
    return Reply(status=HTTPStatus.OK, headers={"content-type": "application/json"}, body=orjson.dumps(content))
