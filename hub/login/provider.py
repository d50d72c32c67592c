"""The OpenID Connect provider where people log in. In: its issuer. Out: addresses to send a browser to, and tokens.

The provider describes itself (discovery); what it says is kept for an hour. Login is by authorisation code with PKCE;
the client's secret, where there is one, goes the way that the provider asks for.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

import orjson
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.discovery import OpenIDProviderMetadata
from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import PyreqwestError

from hub.access.caller import CLAIM_NAMES, ClaimNames
from hub.access.issuer import REFRESH_SECONDS, IssuerKeys
from hub.access.verify import claim_names
from hub.errors import NotAuthenticated, Unavailable
from hub.processes import loops

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pydantic import SecretStr

    from hub.login.attempt import LoginAttempt
    from hub.settings import Settings

KEPT_SECONDS: Final = 3600.0
TIMEOUT: Final = timedelta(seconds=10)
MAX_BYTES: Final = 1_000_000
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
REQUIRED: Final = ("authorization_endpoint", "token_endpoint")
ENDPOINTS: Final = (*REQUIRED, "end_session_endpoint")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginClient:
    """What the provider knows this hub by."""

    issuer: str
    client_id: str
    client_secret: SecretStr | None
    scopes: tuple[str, ...]
    redirect_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The tokens of a login."""

    id_token: str
    access_token: str | None


class Provider:
    """One provider; it is asked for its description when a person logs in."""

    def __init__(
        self,
        client: LoginClient,
        keys: IssuerKeys,
        names: ClaimNames = CLAIM_NAMES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.client = client
        self.keys = keys
        self.names = names
        self._monotonic = monotonic
        self._described: OpenIDProviderMetadata | None = None
        self._described_at = float("-inf")

    async def keep_fresh(self) -> None:
        """Fetch the keys now and then, for ever; the first time when somebody logs in."""
        while True:
            loops.moved("serve.login_keys")
            await asyncio.sleep(REFRESH_SECONDS)
            await self.keys.refresh()

    async def address_to_log_in(self, attempt: LoginAttempt, *, again: bool = False) -> str:
        """Return where the browser goes to log in; with `again` the provider asks who it is, logged in or not."""
        about = await self._metadata()
        return str(
            prepare_grant_uri(
                about["authorization_endpoint"],
                self.client.client_id,
                "code",
                redirect_uri=self.client.redirect_uri,
                scope=list(self.client.scopes),
                state=attempt.state,
                nonce=attempt.nonce,
                code_challenge=create_s256_code_challenge(attempt.verifier),
                code_challenge_method="S256",
                prompt="login" if again else None,
            )
        )

    async def address_to_log_out(self, id_token: str | None, then: str) -> str | None:
        """Return where the browser goes to log out at the provider too; None where it offers no such page."""
        endpoint = (await self._metadata()).get("end_session_endpoint")
        if endpoint is None:
            return None
        hint = {"id_token_hint": id_token} if id_token else {}
        fields = {"client_id": self.client.client_id, "post_logout_redirect_uri": then, **hint}
        joint = "&" if urlsplit(endpoint).query else "?"
        return f"{endpoint}{joint}{urlencode(fields)}"

    async def says_its_name(self) -> bool:
        """Return whether each answer of the provider names its issuer (RFC 9207)."""
        return bool((await self._metadata()).get("authorization_response_iss_parameter_supported"))

    async def exchange(self, code: str, verifier: str) -> Tokens:
        """Return the tokens for a code; raise `NotAuthenticated` when the provider refuses it."""
        about = await self._metadata()
        body = prepare_token_request(
            "authorization_code", code=code, redirect_uri=self.client.redirect_uri, code_verifier=verifier
        )
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        auth = ClientAuth(self.client.client_id, self._secret, self._auth_method(about))
        url, headers, body = auth.prepare("POST", about["token_endpoint"], headers, body)
        answer = await self._send("POST", url, headers, body)
        id_token, access_token = answer.get("id_token"), answer.get("access_token")
        if not isinstance(id_token, str):
            raise NotAuthenticated(f"the login is refused: {answer.get('error', 'there is no ID token')}")
        return Tokens(id_token=id_token, access_token=access_token if isinstance(access_token, str) else None)

    @property
    def _secret(self) -> str | None:
        secret = self.client.client_secret
        return None if secret is None else secret.get_secret_value()

    def _auth_method(self, about: Mapping[str, Any]) -> str:
        if self._secret is None:
            return "none"
        offered = about.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return "client_secret_basic" if "client_secret_basic" in offered else "client_secret_post"

    async def _metadata(self) -> OpenIDProviderMetadata:
        if self._described is None or self._monotonic() - self._described_at > KEPT_SECONDS:
            self._described, self._described_at = await self._describe(), self._monotonic()
        return self._described

    async def _describe(self) -> OpenIDProviderMetadata:
        issuer = self.client.issuer.rstrip("/")
        about = OpenIDProviderMetadata(await self._send("GET", f"{issuer}/.well-known/openid-configuration", {}, ""))
        faults = list(_faults(about, issuer))
        if faults:
            raise Unavailable(f"the login of {issuer} cannot be used: {', '.join(faults)}")
        return about

    async def _send(self, method: str, url: str, headers: Mapping[str, str], body: str) -> dict[str, Any]:
        builder = ClientBuilder().timeout(TIMEOUT).follow_redirects(enable=False)
        try:
            async with builder.build() as client:
                request = client.request(method, url).headers(dict(headers))
                async with (request.body_text(body) if body else request).build_streamed() as answer:
                    read: dict[str, Any] = orjson.loads(bytes(await answer.body_reader.read(MAX_BYTES) or b""))
        except (PyreqwestError, ValueError) as error:
            raise Unavailable(f"the login of {self.client.issuer} does not answer: {error}") from error
        if not isinstance(read, dict):
            raise Unavailable(f"the login of {self.client.issuer} answers in another form")
        return read


def _faults(about: Mapping[str, Any], issuer: str) -> Iterator[str]:
    """Yield what is wrong with a description; codes and secrets go over https only, except on this machine."""
    if str(about.get("issuer", "")).rstrip("/") != issuer:
        yield f"it calls itself {about.get('issuer')}"
    for name in ENDPOINTS:
        url = about.get(name)
        if url is None and name in REQUIRED:
            yield f"it has no {name}"
        parts = urlsplit(str(url or ""))
        if url is not None and parts.scheme != "https" and parts.hostname not in LOOPBACK:
            yield f"its {name} is not https"


def provider_for(settings: Settings) -> Provider | None:
    """Return the provider of the settings; None where people do not log in by OpenID Connect."""
    issuer, login = settings.login_issuer, settings.login
    if issuer is None or login.client_id is None:
        return None
    client = LoginClient(
        issuer=issuer,
        client_id=login.client_id,
        client_secret=login.client_secret,
        scopes=login.scopes,
        redirect_uri=f"{settings.http.address}/login/callback",
    )
    jwks_url = settings.auth.jwks_url if issuer == settings.auth.issuer else None
    return Provider(client, IssuerKeys(issuer, jwks_url), claim_names(settings.auth))
