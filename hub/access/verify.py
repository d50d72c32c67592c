"""Verifies tokens. In: a token, and the keys of an issuer. Out: the caller that the token describes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson
from joserfc import jws, jwt
from joserfc.errors import JoseError

from hub.access import development
from hub.access.caller import CLAIM_NAMES, Caller, ClaimNames, read_caller
from hub.access.issuer import IssuerKeys
from hub.access.published_keys import ALGORITHMS, REGISTRY, fitting, is_signed_by
from hub.access.verified import VerifiedToken, VerifiedTokens
from hub.clock import now as read_clock
from hub.errors import NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from joserfc.jws import CompactSignature

    from hub.access.published_keys import PublicKey
    from hub.clock import Clock
    from hub.settings import Settings
    from hub.settings.groups import Auth

LEEWAY_SECONDS: Final = 60
MAX_LENGTH: Final = 16_384
ACCESS_TOKEN_TYPES: Final = frozenset({"at+jwt", "application/at+jwt"})
TOKEN_TYPES: Final = ACCESS_TOKEN_TYPES | {"jwt", "application/jwt"}
ID_TOKEN_CLAIMS: Final = ("nonce", "at_hash", "c_hash", "s_hash")
BEARER: Final = "bearer"  # how Keycloak marks its access tokens, of which older ones hold a nonce


class KeySource(Protocol):
    """Where public keys come from."""

    async def current(self) -> Sequence[PublicKey]:
        """Return the keys that are known."""

    async def renewed(self) -> Sequence[PublicKey]:
        """Return the keys after looking for new ones."""

    async def keep_fresh(self) -> None:
        """Look for new keys now and then, for ever."""

    async def close(self) -> None:
        """End what is under way."""


class Verifier:
    """Verifies the tokens of one issuer for one audience; `keys` is where its keys come from."""

    def __init__(
        self,
        keys: KeySource,
        *,
        issuer: str,
        audience: str,
        names: ClaimNames = CLAIM_NAMES,
        clock: Clock = read_clock,
    ) -> None:
        self.keys = keys
        self._issuer = issuer
        self._audience = audience
        self._names = names
        self._clock = clock
        self._verified = VerifiedTokens()

    async def verify(self, token: str) -> Caller:
        """Return the bearer of this token; raise `NotAuthenticated` with what is wrong with it.

        A token that was verified is known until it expires or other keys are published.
        """
        known = self._verified.find(token, self._clock().timestamp())
        if known is not None and known.keys is await self.keys.current():
            return known.caller
        verified = await self._verify(token)
        self._verified.add(token, verified)
        return verified.caller

    async def _verify(self, token: str) -> VerifiedToken:
        header, claims, keys = await _read_signed(self.keys, token, TOKEN_TYPES)
        try:
            self._expectations().validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise NotAuthenticated(f"the token is not valid: {error}") from error
        _check_purpose(header, claims)
        return VerifiedToken(caller=read_caller(claims, self._names), until=claims["exp"], keys=keys)

    def _expectations(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(self._clock().timestamp()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "values": [self._issuer, f"{self._issuer}/"]},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
        )


class StaticKeys:
    """Keys that never change."""

    def __init__(self, keys: Sequence[PublicKey]) -> None:
        self._keys = keys

    async def current(self) -> Sequence[PublicKey]:
        """Return the keys."""
        return self._keys

    async def renewed(self) -> Sequence[PublicKey]:
        """Return the same keys."""
        return self._keys

    async def keep_fresh(self) -> None:
        """Do nothing: these keys never change."""

    async def close(self) -> None:
        """Do nothing: nothing is ever under way."""


async def read_signed(
    keys: KeySource, token: str, types: frozenset[str] = TOKEN_TYPES
) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Return header and claims of a token that one of these keys signed, or else raise `NotAuthenticated`.

    Nothing is said of the claims: whose they are, for whom, and until when.
    """
    header, claims, _ = await _read_signed(keys, token, types)
    return header, claims


async def _read_signed(
    keys: KeySource, token: str, types: frozenset[str]
) -> tuple[Mapping[str, Any], dict[str, Any], Sequence[PublicKey]]:
    if len(token) > MAX_LENGTH:
        raise NotAuthenticated("the token is too long")
    try:
        signed = jws.extract_compact(token.encode(), registry=REGISTRY)
        _check_header(signed.headers(), types)
        believed = await _check_signature(keys, signed)
        return signed.headers(), _read_claims(signed), believed
    except (JoseError, ValueError, TypeError) as error:
        raise NotAuthenticated(f"the token is not valid: {error}") from error


def verifier_for(settings: Settings) -> Verifier:
    """Return the verifier of the settings; raise `ConfigurationError` unless they name exactly one source of keys."""
    settings.check_tokens()
    auth = settings.auth
    if auth.issuer is not None:
        keys = IssuerKeys(auth.issuer, auth.jwks_url)
        return Verifier(keys, issuer=auth.issuer, audience=auth.audience, names=claim_names(auth))
    assert auth.development_keyfile is not None  # noqa: S101 - just checked
    own = StaticKeys(development.public_keys(auth.development_keyfile))
    return Verifier(own, issuer=development.ISSUER, audience=auth.audience)


def claim_names(auth: Auth) -> ClaimNames:
    """Return the names of the claims at the issuer of the settings."""
    return ClaimNames(roles=auth.roles_claim, brins=auth.brins_claim, bges=auth.bges_claim, oin=auth.oin_claim)


async def _check_signature(keys: KeySource, signed: CompactSignature) -> Sequence[PublicKey]:
    """Try each known key that fits, and return those among which one signed the token.

    A token that none of them signed may be signed by a new one.
    """
    header, known = signed.headers(), await keys.current()
    candidates = fitting(known, header)
    if any(is_signed_by(signed, key) for key in candidates):
        return known
    if not candidates or "kid" not in header:
        newest = await keys.renewed()
        renewed = fitting(newest, header)
        if any(is_signed_by(signed, key) for key in renewed if key not in candidates):
            return newest
        candidates = renewed
    if not candidates:
        raise NotAuthenticated("the token is signed by a key that its issuer does not publish")
    raise NotAuthenticated("the token is not valid: its signature is wrong")


def _check_header(header: Mapping[str, Any], types: frozenset[str]) -> None:
    """Raise `NotAuthenticated` for a header that asks for what is not done here; what it adds besides is ignored."""
    if header.get("alg") not in ALGORITHMS:
        raise NotAuthenticated(f"the token's algorithm is none of {', '.join(ALGORITHMS)}")
    if "crit" in header:
        raise NotAuthenticated("the token's `crit` demands extensions, and this hub knows none")
    if not isinstance(header.get("kid", ""), str):
        raise NotAuthenticated("the token's `kid` is not a text")
    if str(header.get("typ", "jwt")).lower() not in types:
        raise NotAuthenticated(f"the token is of another kind: its `typ` is {str(header['typ'])[:50]!r}")


def _check_purpose(header: Mapping[str, Any], claims: Mapping[str, Any]) -> None:
    """Raise `NotAuthenticated` for a token that says who logged in (an ID token) or is to be exchanged for another."""
    if str(header.get("typ", "")).lower() in ACCESS_TOKEN_TYPES:
        return
    said = str(claims.get("typ", BEARER)).lower()
    if said not in {BEARER, *TOKEN_TYPES}:
        raise NotAuthenticated(f"this is no access token but one of the kind {str(claims['typ'])[:50]!r}")
    if "typ" not in claims and any(name in claims for name in ID_TOKEN_CLAIMS):
        raise NotAuthenticated("this is an ID token, which says who logged in; send the access token")


def _read_claims(signed: CompactSignature) -> dict[str, Any]:
    claims = orjson.loads(signed.payload or b"")
    if not isinstance(claims, dict):
        raise TypeError("its claims are not an object")
    return claims
