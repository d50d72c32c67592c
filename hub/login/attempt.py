"""A login that has begun. In: where the visitor wants to go. Out: a sealed cookie, opened when the issuer answers.

The cookie binds the login to the browser that began it: an answer without its state is a login that somebody else
began. Nothing is stored for a visitor who has not logged in.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

import orjson

from hub.errors import ConfigurationError
from hub.sealing import seal, unseal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import SecretStr

LIFETIME: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginAttempt:
    """What must come back unchanged, and the secret half of PKCE."""

    state: str
    nonce: str
    verifier: str
    wanted: str
    began_at: str

    @classmethod
    def begin(cls, wanted: str, now: datetime) -> Self:
        """Return a new attempt of a visitor who wants to go to a page."""
        return cls(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            wanted=wanted,
            began_at=now.isoformat(),
        )

    def sealed(self, keys: Sequence[SecretStr]) -> str:
        """Return the value of the cookie."""
        return seal(orjson.dumps(asdict(self)), keys).decode()

    @classmethod
    def unseal(cls, cookie: str, keys: Sequence[SecretStr], now: datetime) -> Self | None:
        """Return the attempt of a cookie; None for one that is too old or not ours."""
        try:
            attempt = cls(**orjson.loads(unseal(cookie.encode(), keys)))
        except (ConfigurationError, TypeError, ValueError):
            return None
        age = now - datetime.fromisoformat(attempt.began_at)
        return attempt if timedelta(0) <= age <= LIFETIME else None
