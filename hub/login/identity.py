"""Who logged in. In: tokens of the provider. Out: a person with the roles and schools of a caller, or a refusal.

Roles and schools stand in the ID token, or else in the access token, where Keycloak puts them by default.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError

from hub.access.caller import Caller, read_caller
from hub.access.verify import LEEWAY_SECONDS, TOKEN_TYPES, read_signed
from hub.errors import NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.access.verify import Verifier
    from hub.login.provider import Provider, Tokens

LOGOUT_TYPES: Final = TOKEN_TYPES | {"logout+jwt"}
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A person who logged in at a provider."""

    caller: Caller
    issuer: str
    issuer_session: str | None
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedLogin:
    """A login that its issuer ended: all of a subject, or one session."""

    issuer: str
    subject: str | None
    issuer_session: str | None


async def read_identity(provider: Provider, tokens: Tokens, nonce: str, now: datetime, verifier: Verifier) -> Identity:
    """Return who logged in; raise `NotAuthenticated` for tokens that are not the answer to this login."""
    header, claims = await read_signed(provider.keys, tokens.id_token)
    expected = {
        "iss": {"values": [provider.client.issuer, f"{provider.client.issuer}/"]},
        "aud": {"value": provider.client.client_id},
    }
    known = {"nonce": nonce, "client_id": provider.client.client_id, "access_token": tokens.access_token}
    try:
        CodeIDToken(claims, header, expected, known).validate(int(now.timestamp()), LEEWAY_SECONDS)
    except JoseError as error:
        raise NotAuthenticated(f"the ID token is not valid: {error}") from error
    caller = read_caller(claims, provider.names)
    if not caller.roles and tokens.access_token is not None:
        caller = await _caller_of(tokens.access_token, caller, verifier)
    return Identity(
        caller=caller,
        issuer=provider.client.issuer,
        issuer_session=_text(claims, "sid"),
        name=_text(claims, "name") or _text(claims, "preferred_username") or "",
    )


async def read_logout(provider: Provider, token: str, now: datetime) -> EndedLogin:
    """Return which login its issuer ended (back-channel logout); raise `NotAuthenticated` for any other token."""
    _, claims = await read_signed(provider.keys, token, LOGOUT_TYPES)
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "values": [provider.client.issuer, f"{provider.client.issuer}/"]},
        aud={"essential": True, "value": provider.client.client_id},
        iat={"essential": True},
        jti={"essential": True},
    )
    try:
        registry.validate(claims)
    except JoseError as error:
        raise NotAuthenticated(f"the logout token is not valid: {error}") from error
    events, subject, session = claims.get("events"), _text(claims, "sub"), _text(claims, "sid")
    if not isinstance(events, dict) or LOGOUT_EVENT not in events or "nonce" in claims or not (subject or session):
        raise NotAuthenticated("this is no logout token")
    return EndedLogin(issuer=provider.client.issuer, subject=subject, issuer_session=session)


async def _caller_of(access_token: str, named: Caller, verifier: Verifier) -> Caller:
    """Return the roles of an access token, where it is a token of this hub for the same person."""
    try:
        found = await verifier.verify(access_token)
    except NotAuthenticated:
        return named
    return found if found.subject == named.subject else named


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) and value else None
