"""Ask a receiver for its consent before anything is sent to it: the OPTIONS request of CloudEvents webhooks.

In: a URL and the rate asked for. Out: the agreed rate, or why there is no consent. Headers alone give consent; the
status code means nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, assert_never
from urllib.parse import urlsplit

import structlog

from hub.errors import Unavailable
from hub.outbound.answers import AddressRefused, Answered, OwnFault, Unreachable

if TYPE_CHECKING:
    from hub.outbound.client import Outbound

ANY: Final = "*"
MAX_RATE: Final = 2**31 - 1
log = structlog.get_logger(__name__)
_RATE: Final = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Agreed:
    """The receiver consents; messages per minute, None for no limit."""

    allowed_rate: int | None


@dataclass(frozen=True, slots=True)
class Disagreed:
    """The receiver does not consent; `detail` says why."""

    code: Literal["handshake_refused", "unreachable", "address_not_allowed"]
    detail: str


Consent: TypeAlias = Agreed | Disagreed


async def ask_consent(
    outbound: Outbound, url: str, *, origin: str, rate: int | None, identity: bytes | None = None
) -> Consent:
    """Ask whether `origin` may send to `url`, `rate` messages a minute when one is given.

    Raises `Unavailable` when the hub itself cannot send.
    """
    headers = {"webhook-request-origin": origin}
    if rate is not None:
        headers["webhook-request-rate"] = str(rate)
    answer = await outbound.options(url, headers, identity=identity)
    match answer:
        case AddressRefused():
            return Disagreed("address_not_allowed", answer.error)
        case Unreachable():
            return Disagreed("unreachable", answer.error)
        case OwnFault():
            raise own_fault(answer)
        case Answered():
            return _read_consent(answer, origin, rate)
        case _:
            assert_never(answer)


def own_fault(fault: OwnFault) -> Unavailable:
    """Tell the operator what the hub lacks, and return what its caller is told."""
    log.error("sending.impeded", error=fault.error, next=fault.next_step)
    return Unavailable("the hub itself cannot send now; its operators are told. Your receiver is not at fault")


def origin_of(address: str) -> str:
    """Return the name that receivers consent to: the host of the hub's own address."""
    return urlsplit(address).hostname or address


def _read_consent(answer: Answered, origin: str, rate: int | None) -> Consent:
    allowed_origin = answer.headers.get("webhook-allowed-origin", "").strip()
    if allowed_origin != ANY and allowed_origin.lower() != origin.lower():
        said = f"WebHook-Allowed-Origin: {allowed_origin[:100]}" if allowed_origin else "no WebHook-Allowed-Origin"
        words = f"the receiver answered {answer.status} with {said}; {origin} or * was expected"
        return Disagreed("handshake_refused", words)
    if rate is None:
        return Agreed(None)
    allowed_rate = answer.headers.get("webhook-allowed-rate", "").strip()
    if allowed_rate == ANY:
        return Agreed(None)
    if _RATE.fullmatch(allowed_rate) and 1 <= int(allowed_rate) <= MAX_RATE:
        return Agreed(int(allowed_rate))
    words = "a rate was asked for, and the answer has no WebHook-Allowed-Rate with a number above 0 or *"
    return Disagreed("handshake_refused", words)
