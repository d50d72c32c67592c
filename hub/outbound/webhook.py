"""Send a signed webhook. In: a message for a receiver. Out: an outcome, classified here and nowhere else.

| answer                                        | outcome                                        |
|-----------------------------------------------|------------------------------------------------|
| 2xx                                           | delivered                                      |
| 410                                           | gone: the receiver wants no more messages      |
| 408, 425, 429, 5xx, none, address not allowed | later, not before what `Retry-After` asks for  |
| 3xx and every other 4xx                       | refused                                        |
| none, for a fault of the hub itself           | not attempted: nothing counts                  |
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple, assert_never

from hub.domain import signing
from hub.domain.delivery import Delivered, Gone, NotAttempted, Outcome, Refused, RetryLater
from hub.domain.retry import MAX_RETRY_AFTER
from hub.domain.subscription import SignatureKind
from hub.outbound.answers import AddressRefused, Answer, Answered, OwnFault, Unreachable
from hub.outbound.excerpt import read_excerpt
from schemas.cloudevents import HTTP_CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from hub.domain.receiver import Receiver
    from hub.outbound.client import Outbound

MAX_DIGITS: Final = 20
MAX_DATE_LENGTH: Final = 100
RETRYABLE_STATUSES: Final = frozenset({408, 425, 429})
_TAKEN: Final = (200, 300)
_BY_SECRET: Final = SignatureKind.V1
_BY_KEY: Final = SignatureKind.V1A


class WebhookMessage(NamedTuple):
    """A message to a receiver: `body` is the CloudEvent, `id` its id."""

    id: str
    body: bytes
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSender:
    """The hub as receivers know it: the name they consented to, and the keys that sign for all of them."""

    origin: str
    keys: Sequence[Ed25519PrivateKey] = ()


async def deliver(
    outbound: Outbound, receiver: Receiver, message: WebhookMessage, sender: WebhookSender, now: datetime
) -> Outcome:
    """Sign and send one message and return its outcome; nothing is raised for what networks and receivers do."""
    headers = make_headers(receiver, message, sender, now)
    return classify(await outbound.post(receiver.url, headers, message.body, identity=receiver.identity), now)


async def post(
    outbound: Outbound, receiver: Receiver, message: WebhookMessage, sender: WebhookSender, now: datetime
) -> Answer:
    """Sign and send one message and return the answer as it came."""
    headers = make_headers(receiver, message, sender, now)
    return await outbound.post(receiver.url, headers, message.body, identity=receiver.identity)


def make_headers(receiver: Receiver, message: WebhookMessage, sender: WebhookSender, now: datetime) -> dict[str, str]:
    """Return the headers of one attempt, signed as the receiver asked for."""
    secrets = receiver.secrets if _BY_SECRET in receiver.signatures else ()
    keys = sender.keys if _BY_KEY in receiver.signatures else ()
    headers = signing.headers(message.id, now, message.body, secrets, keys)
    headers["content-type"] = HTTP_CONTENT_TYPE
    headers["webhook-request-origin"] = sender.origin
    if message.traceparent:
        headers["traceparent"] = message.traceparent
    return headers


def classify(answer: Answer, now: datetime) -> Outcome:
    """Return the outcome of an answer to a request sent at `now`."""
    at = now + timedelta(milliseconds=answer.duration_ms)
    match answer:
        case Answered(status=status) if _TAKEN[0] <= status < _TAKEN[1]:
            return Delivered(at=at, duration_ms=answer.duration_ms, http_status=status)
        case Answered():
            return _classify_error(answer, at)
        case Unreachable() | AddressRefused():
            return RetryLater(at=at, error=answer.error, duration_ms=answer.duration_ms)
        case OwnFault():
            return NotAttempted(at=at, error=answer.error, next_step=answer.next_step, is_general=answer.is_general)
        case _:
            assert_never(answer)


def read_retry_after(text: str | None, at: datetime) -> float | None:
    """Return `Retry-After`, seconds or a date, as seconds from `at`, at most a day; None when it cannot be used."""
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return float(min(int(text.strip()[:MAX_DIGITS]), MAX_RETRY_AFTER))
    try:
        moment = parsedate_to_datetime(text[:MAX_DATE_LENGTH])
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - at
    except (ValueError, OverflowError):  # years and offsets that no calendar has
        return None
    return min(max(seconds.total_seconds(), 0.0), MAX_RETRY_AFTER)


def _classify_error(answer: Answered, at: datetime) -> Outcome:
    status, spent = answer.status, answer.duration_ms
    error, words = _describe(status), read_excerpt(answer.excerpt)
    if status == HTTPStatus.GONE:
        return Gone(at=at, error=error, duration_ms=spent, answer=words)
    if status in RETRYABLE_STATUSES or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        after = read_retry_after(answer.headers.get("retry-after"), at)
        return RetryLater(at=at, error=error, duration_ms=spent, http_status=status, after=after, answer=words)
    return Refused(at=at, error=error, duration_ms=spent, http_status=status, answer=words)


def _describe(status: int) -> str:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "a status without a definition"
    redirect = "; redirects are not followed" if status // 100 == HTTPStatus.MULTIPLE_CHOICES // 100 else ""
    return f"the receiver answered {status} {phrase}{redirect}"
