"""What a LAS can do wrong, on purpose. In: a request and the faults that it was told to have. Out: wrong answers.

Each fault breaks one rule for receivers, so that whoever judges receivers can be judged.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from hub.clock import now
from hub.domain import signing
from hub.simulators.http import Reply
from schemas.cloudevents import ATTRIBUTES
from schemas.kinds import EventType

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from hub.simulators.http import Request
    from hub.simulators.mailbox import Mailbox

SMALL_BODY: Final = 64 * 1024
TOO_SLOW_SECONDS: Final = 20.0
MAX_EVENT_AGE: Final = timedelta(hours=1)
REFUSED: Final = Reply(status=HTTPStatus.BAD_REQUEST, body=b"this LAS does not take that")


class LasFault(StrEnum):
    """A rule that a simulated LAS breaks."""

    NO_CONSENT = "no-consent"
    WRONG_ORIGIN = "wrong-origin"
    TAKES_ANY_SIGNATURE = "takes-any-signature"
    TAKES_UNSIGNED = "takes-unsigned"
    IGNORES_AGE = "ignores-age"
    FIRST_SIGNATURE_ONLY = "first-signature-only"
    LAST_SIGNATURE_ONLY = "last-signature-only"
    KNOWN_VERSIONS_ONLY = "known-versions-only"
    REFUSES_WITH_500 = "refuses-with-500"
    REFUSES_WITH_410 = "refuses-with-410"
    REFUSES_REPEATS = "refuses-repeats"
    AGE_BY_EVENT_TIME = "age-by-event-time"
    KNOWN_TYPES_ONLY = "known-types-only"
    KNOWN_ATTRIBUTES_ONLY = "known-attributes-only"
    SMALL_BODIES_ONLY = "small-bodies-only"
    STRICT_ORDER = "strict-order"
    NEEDS_PREVIOUS = "needs-previous"
    REDIRECTS = "redirects"
    TAKES_NOTHING = "takes-nothing"
    TOO_SLOW = "too-slow"


def consent(request: Request, faults: Collection[LasFault]) -> Reply | None:
    """Return the wrong answer to a handshake, where a fault makes one."""
    if LasFault.NO_CONSENT in faults:
        return Reply(status=HTTPStatus.METHOD_NOT_ALLOWED)
    if LasFault.WRONG_ORIGIN in faults:
        other = f"other.{request.headers.get('webhook-request-origin', '')}"
        return Reply(status=HTTPStatus.OK, headers={"webhook-allowed-origin": other})
    return None


def verify(request: Request, secrets: Sequence[bytes], faults: Collection[LasFault]) -> None:
    """Verify a request as carelessly as the faults say; raise `SignatureMismatch` for one that is refused."""
    if LasFault.TAKES_ANY_SIGNATURE in faults:
        return
    headers, at = dict(request.headers), now()
    if LasFault.TAKES_UNSIGNED in faults and "webhook-signature" not in headers:
        return
    signatures = headers.get("webhook-signature", "").split() or [""]
    if LasFault.FIRST_SIGNATURE_ONLY in faults:
        headers["webhook-signature"] = signatures[0]
    if LasFault.LAST_SIGNATURE_ONLY in faults:
        headers["webhook-signature"] = signatures[-1]
    if LasFault.KNOWN_VERSIONS_ONLY in faults and not all(each.startswith("v1,") for each in signatures):
        words = "a signature of an unknown version"
        raise signing.SignatureMismatch(words)
    if LasFault.IGNORES_AGE in faults and "webhook-timestamp" in headers:
        at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    signing.verify(headers, request.body, at, secrets=secrets)


def refusal(words: str, faults: Collection[LasFault]) -> Reply:
    """Return the answer to a request that is not the hub's."""
    status = HTTPStatus.UNAUTHORIZED
    if LasFault.REFUSES_WITH_500 in faults:
        status = HTTPStatus.INTERNAL_SERVER_ERROR
    if LasFault.REFUSES_WITH_410 in faults:
        status = HTTPStatus.GONE
    return Reply(status=status, body=words.encode())


def object_to(event: Mapping[str, Any], size: int, mailbox: Mailbox, faults: Collection[LasFault]) -> Reply | None:
    """Return the wrong answer to a message, signed and right, that a fault refuses."""
    if LasFault.REDIRECTS in faults:
        return Reply(status=HTTPStatus.PERMANENT_REDIRECT, headers={"location": "/elsewhere"})
    if LasFault.SMALL_BODIES_ONLY in faults and size > SMALL_BODY:
        return Reply(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    refuses = any(refuse(event, mailbox) for fault, refuse in OBJECTIONS.items() if fault in faults)
    return REFUSED if refuses else None


def _is_below_highest(event: Mapping[str, Any], mailbox: Mailbox) -> bool:
    highest = mailbox.highest(event)
    return highest is not None and int(event.get("sequence", highest)) < highest


def _lacks_previous(event: Mapping[str, Any], mailbox: Mailbox) -> bool:
    return "previoussequence" not in event and mailbox.highest(event) is not None


OBJECTIONS: Final[Mapping[LasFault, Callable[[Mapping[str, Any], Mailbox], bool]]] = {
    LasFault.TAKES_NOTHING: lambda _event, _mailbox: True,
    LasFault.REFUSES_REPEATS: lambda event, mailbox: mailbox.has_seen(event["id"]),
    LasFault.AGE_BY_EVENT_TIME: lambda event, _: now() - datetime.fromisoformat(event["time"]) > MAX_EVENT_AGE,
    LasFault.KNOWN_TYPES_ONLY: lambda event, _: event["type"] not in set(EventType),
    LasFault.KNOWN_ATTRIBUTES_ONLY: lambda event, _: not event.keys() <= {*ATTRIBUTES, "data"},
    LasFault.STRICT_ORDER: _is_below_highest,
    LasFault.NEEDS_PREVIOUS: _lacks_previous,
}
