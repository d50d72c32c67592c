"""Verifies tokens. In: a token, and the keys of an issuer. Out: the caller that the token describes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from joserfc import jws, jwt
from joserfc.errors import InvalidKeyIdError, JoseError

from hub.access import development
from hub.access.caller import Caller, read_caller
from hub.access.issuer import IssuerKeys
from hub.clock import now as read_clock
from hub.errors import NotAuthenticated

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

    from hub.clock import Clock
    from hub.settings import Settings

FindKeys: TypeAlias = Callable[[str | None], Awaitable["KeySet"]]

ALGORITHMS: Final = (
    "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "Ed25519",
)  # fmt: skip
LEEWAY_SECONDS: Final = 60
MAX_LENGTH: Final = 16_384


class Verifier:
    """Verifies the tokens of one issuer for one audience."""

    def __init__(self, find_keys: FindKeys, *, issuer: str, audience: str, clock: Clock = read_clock) -> None:
        self._find_keys = find_keys
        self._issuer = issuer
        self._audience = audience
        self._clock = clock

    async def verify(self, token: str) -> Caller:
        """Return the bearer of this token; raise `NotAuthenticated` with what is wrong with it."""
        if len(token) > MAX_LENGTH:
            raise NotAuthenticated("the token is too long")
        try:
            header = jws.extract_compact(token.encode()).headers()
            kid = header.get("kid")
            keys = await self._find_keys(kid if isinstance(kid, str) else None)
            claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
            self._expectations().validate(claims)
        except InvalidKeyIdError as error:
            raise NotAuthenticated("the token is signed by a key that its issuer does not publish") from error
        except (JoseError, ValueError, TypeError) as error:
            raise NotAuthenticated(f"the token is not valid: {error}") from error
        return read_caller(claims)

    def _expectations(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(self._clock().timestamp()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
        )


def verifier_for(settings: Settings) -> Verifier:
    """Return the verifier of the settings; raise `ConfigurationError` unless they name exactly one source of keys."""
    settings.check_tokens()
    auth = settings.auth
    if auth.issuer is not None:
        return Verifier(IssuerKeys(auth.issuer, auth.jwks_url).find, issuer=auth.issuer, audience=auth.audience)
    assert auth.development_keyfile is not None  # noqa: S101 - just checked
    keys = development.public_keys(auth.development_keyfile)

    async def find(_kid: str | None) -> KeySet:
        return keys

    return Verifier(find, issuer=development.ISSUER, audience=auth.audience)
