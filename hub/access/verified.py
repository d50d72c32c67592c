"""Tokens that were verified. In: a token. Out: its caller, while it has not expired and the keys are the same.

Only tokens that a key of the issuer signed are here, so that nobody can fill the memory with others.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.access.caller import Caller
    from hub.access.published_keys import PublicKey

MOST: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedToken:
    """Whose a token is, when it expires in seconds since 1970, and the keys that were known when it was verified."""

    caller: Caller
    until: float
    keys: Sequence[PublicKey]


@dataclass(slots=True)
class VerifiedTokens:
    """Verified tokens by their digests; of more than `most` the least recently used one is forgotten."""

    most: int = MOST
    _known: OrderedDict[bytes, VerifiedToken] = field(default_factory=OrderedDict)

    def find(self, token: str, now: float) -> VerifiedToken | None:
        """Return what is known of a token; None when it is unknown or has expired."""
        digest = _digest(token)
        found = self._known.get(digest)
        if found is None or now > found.until:
            return None
        self._known.move_to_end(digest)
        return found

    def add(self, token: str, verified: VerifiedToken) -> None:
        """Remember a token."""
        self._known[_digest(token)] = verified
        if len(self._known) > self.most:
            self._known.popitem(last=False)


def _digest(token: str) -> bytes:
    return sha256(token.encode(errors="surrogatepass")).digest()
