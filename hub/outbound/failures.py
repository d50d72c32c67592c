"""Why no answer came, in a sentence with what to do. In: the causes. Out: an unreachable receiver, or a fault of ours.

The words of TLS are those of OpenSSL, whichever client is chosen: what the other one could not send, ours tried last.
"""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from hub.outbound import machine
from hub.outbound.answers import NotConnectedError, OwnFault, Unreachable
from hub.outbound.certificates import CAFILE, CERTFILE
from hub.outbound.tls import IdentityUnusable, check_identity, days_left, has_authorities

if TYPE_CHECKING:
    from hub.outbound.answers import Answer, NotAnsweredError
    from hub.outbound.names import NameService
    from hub.outbound.routes import Route

UNKNOWN_AUTHORITY: Final = re.compile(r"unable to get", re.IGNORECASE)
CERTIFICATE_REFUSED: Final = re.compile(
    r"alert.*(bad.?certificate|unknown.?ca|certificate.?(expired|revoked|unknown)|unsupported.?certificate|access.?denied)",
    re.IGNORECASE,
)
TLS_FAULTS: Final = (
    (r"has expired", "its certificate has expired; it needs a new one"),
    (r"not yet valid", "its certificate is not valid yet; compare its dates with the clocks"),
    (r"mismatch", "its certificate is for another name than that of the URL"),
    (r"self.signed", f"its certificate is self-signed; it needs one of an authority that the hub trusts ({CAFILE})"),
    (
        UNKNOWN_AUTHORITY.pattern,
        f"its certificate leads to no authority that the hub trusts: send the whole chain, or name it in {CAFILE}",
    ),
    (
        r"certificate.?required",
        f"it demands a client certificate: give one as `clientCertificate`, or set {CERTFILE} for all receivers",
    ),
    (CERTIFICATE_REFUSED.pattern, "it does not accept the client certificate that it was shown"),
    (
        r"unsupported.?protocol|protocol.?version",
        "it speaks an old TLS only; 1.2 or 1.3 is needed",
    ),
    (r"wrong.?version.?number|http.?request|record.?layer|packet.?length", "it does not speak TLS"),
    (r"handshake.?failure", "it refuses the TLS handshake: no cipher in common, or it demands a client certificate"),
)
_LOCAL: Final = frozenset({socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_SYSTEM, socket.EAI_MEMORY})


def describe(error: NotAnsweredError, route: Route, duration_ms: int, *, is_own_identity: bool) -> Answer:
    """Return what it means that no answer came."""
    words = " ".join((*map(_words, error.causes), error.words)).strip()
    own = machine.own_fault(error.causes) or _certificate_fault(words, route, is_own_identity=is_own_identity)
    if own is not None:
        return replace(own, duration_ms=duration_ms)
    known = next((said for pattern, said in TLS_FAULTS if re.search(pattern, words, re.IGNORECASE)), None)
    if isinstance(error, NotConnectedError) and not error.words:
        known = f"no connection: {known or _plain(error)}"
    return Unreachable(error=known or error.words, duration_ms=duration_ms)


async def describe_name(error: OSError, names: NameService, seconds: float, duration_ms: int) -> Answer:
    """Return what it means that a name could not be resolved."""
    own = machine.shortage()
    number = None if isinstance(error, TimeoutError) else error.errno
    if own is None and (number is None or number in _LOCAL) and not await names.is_answering():
        own = OwnFault(error="no name server answers", next_step="See /etc/resolv.conf", is_general=False)
    if own is not None:
        return replace(own, duration_ms=duration_ms)
    why = error.strerror or f"no answer within {seconds:g} s"
    return Unreachable(error=f"the name cannot be resolved: {why}", duration_ms=duration_ms)


def describe_identity(error: IdentityUnusable, duration_ms: int, *, is_own: bool) -> Answer:
    """Return what it means that a certificate to be shown cannot be used."""
    if is_own:
        return OwnFault(
            error=f"the client certificate of the hub cannot be used: {error}",
            next_step=f"Put another in {CERTFILE}",
            is_general=False,
            duration_ms=duration_ms,
        )
    return Unreachable(
        error=f"the client certificate of the subscription cannot be used: {error}", duration_ms=duration_ms
    )


def _certificate_fault(words: str, route: Route, *, is_own_identity: bool) -> OwnFault | None:
    if UNKNOWN_AUTHORITY.search(words) and not has_authorities():
        return OwnFault(
            error="this machine trusts no certificate authority",
            next_step="Install its package ca-certificates",
            is_general=False,
        )
    if is_own_identity and route.identity and CERTIFICATE_REFUSED.search(words):
        days = days_left(check_identity(route.identity))
        if days < 0:
            return OwnFault(
                error="the client certificate of the hub has expired",
                next_step=f"Renew {CERTFILE} and start again",
                is_general=False,
            )
    return None


def _words(cause: BaseException) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return cause.verify_message
    if isinstance(cause, ssl.SSLError):
        return cause.reason or str(cause)
    return ""


def _plain(error: NotAnsweredError) -> str:
    for cause in error.causes:
        if isinstance(cause, ssl.SSLError):
            return f"TLS failed ({_words(cause)})"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    return "it was closed during the TLS handshake"
