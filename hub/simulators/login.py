"""A development login: a small OpenID Connect provider with named people. In: a browser. Out: a login as one of them.

It is for one's own machine: whoever reaches it is let in as whomever they choose. Its key is new at each start.
"""

from __future__ import annotations

import secrets
from base64 import b64decode
from dataclasses import dataclass, field
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote, urlencode

import orjson
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from hub.simulators.http import Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hub.clock import Clock

CODE_SECONDS: Final = 60.0
TOKEN_SECONDS: Final = 300
ALGORITHM: Final = "ES256"


@dataclass(frozen=True, slots=True, kw_only=True)
class DevelopmentUser:
    """A person who can log in, with the claims of the ID token."""

    key: str
    name: str
    about: str
    claims: Mapping[str, Any]


SCHOOL: Final = {"roles": ["OSR-toegang"]}
USERS: Final = (
    DevelopmentUser(key="sanne", name="Sanne de Vries", about="school 18DS", claims={**SCHOOL, "brins": ["18DS"]}),
    DevelopmentUser(key="mark", name="Mark Jansen", about="een bestuur", claims={**SCHOOL, "bges": ["41676"]}),
    DevelopmentUser(key="kim", name="Kim Bakker", about="zonder rol", claims={}),
    DevelopmentUser(key="ria", name="Ria Meijer", about="beheer", claims={"roles": ["operations"]}),
    DevelopmentUser(key="olaf", name="Olaf Visser", about="beheer", claims={"roles": ["operations"]}),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenCode:
    """A code that was given to a browser, and what it was asked with."""

    user: DevelopmentUser
    asked: Mapping[str, str]
    session: str
    until: float


@dataclass(slots=True, kw_only=True)
class LoginSimulator:
    """The provider: describes itself, lets a visitor choose a person, and gives tokens for codes, each once."""

    issuer: str
    client_id: str
    redirect_uris: tuple[str, ...]
    clock: Clock
    users: tuple[DevelopmentUser, ...] = USERS
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": secrets.token_hex(8)}))
    codes: dict[str, GivenCode] = field(default_factory=dict)

    def answer(self, request: Request) -> Reply:
        """Return the reply to a request."""
        routes: dict[tuple[str, str], Callable[[Request], Reply]] = {
            ("GET", "/.well-known/openid-configuration"): self._describe,
            ("GET", "/jwks"): self._publish_keys,
            ("GET", "/authorize"): self._authorize,
            ("POST", "/token"): self._give_tokens,
            ("GET", "/logout"): self._log_out,
        }
        handle = routes.get((request.method, request.path))
        return Reply(status=HTTPStatus.NOT_FOUND) if handle is None else handle(request)

    def logout_token(self, *, subject: str | None = None, session: str | None = None) -> str:
        """Return a token by which the provider says that a login is over."""
        named = {name: value for name, value in (("sub", subject), ("sid", session)) if value}
        event: dict[str, object] = {"http://schemas.openid.net/event/backchannel-logout": {}}
        return self._sign({**named, "events": event, "jti": secrets.token_hex(8)}, "logout+jwt")

    def _describe(self, _request: Request) -> Reply:
        return _json(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "end_session_endpoint": f"{self.issuer}/logout",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
                "authorization_response_iss_parameter_supported": True,
                "backchannel_logout_supported": True,
            }
        )

    def _publish_keys(self, _request: Request) -> Reply:
        return _json(KeySet([self.key]).as_dict(private=False))

    def _authorize(self, request: Request) -> Reply:
        asked = dict(parse_qsl(request.query))
        who = asked.pop("user", None)
        chosen = next((user for user in self.users if user.key == who), None)
        if asked.get("client_id") != self.client_id or asked.get("redirect_uri") not in self.redirect_uris:
            return _page(HTTPStatus.BAD_REQUEST, "<p>Unknown client or redirect_uri.</p>")
        if asked.get("response_type") != "code" or asked.get("code_challenge_method") != "S256":
            return self._send_back(asked, {"error": "invalid_request"})
        if chosen is None:
            return _page(HTTPStatus.OK, self._choices(request.query))
        code = secrets.token_urlsafe(24)
        until = self.clock().timestamp() + CODE_SECONDS
        self.codes[code] = GivenCode(user=chosen, asked=asked, session=secrets.token_hex(8), until=until)
        return self._send_back(asked, {"code": code})

    def _send_back(self, asked: Mapping[str, str], answer: Mapping[str, str]) -> Reply:
        fields = {**answer, "iss": self.issuer, **{name: asked[name] for name in ("state",) if name in asked}}
        return _redirect(f"{asked['redirect_uri']}?{urlencode(fields)}")

    def _choices(self, query: str) -> str:
        address = f"/authorize?{escape(query)}&amp;user="
        links = "".join(
            f'<li><a href="{address}{user.key}">{escape(user.name)}</a>, {escape(user.about)}</li>'
            for user in self.users
        )
        return f"<h1>Ontwikkel-inlog</h1><p>Wie bent u?</p><ul>{links}</ul>"

    def _give_tokens(self, request: Request) -> Reply:
        form = dict(parse_qsl(request.body.decode(errors="replace")))
        given = self.codes.pop(form.get("code", ""), None)
        if _client_of(request, form) != self.client_id:
            return _json({"error": "invalid_client"}, HTTPStatus.UNAUTHORIZED)
        if given is None or not self._fits(given, form):
            return _json({"error": "invalid_grant"}, HTTPStatus.BAD_REQUEST)
        claims = {"sub": given.user.key, "name": given.user.name, "sid": given.session, **given.user.claims}
        nonce = {"nonce": given.asked["nonce"]} if "nonce" in given.asked else {}
        id_token = self._sign({**claims, **nonce}, "JWT")
        return _json({"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "id_token": id_token})

    def _fits(self, given: GivenCode, form: Mapping[str, str]) -> bool:
        verifier = form.get("code_verifier", "")
        return (
            form.get("grant_type") == "authorization_code"
            and form.get("redirect_uri") == given.asked["redirect_uri"]
            and create_s256_code_challenge(verifier) == given.asked.get("code_challenge")
            and self.clock().timestamp() <= given.until
        )

    def _sign(self, claims: Mapping[str, Any], kind: str) -> str:
        now = int(self.clock().timestamp())
        times = {"iat": now, "exp": now + TOKEN_SECONDS}
        header = {"alg": ALGORITHM, "typ": kind, "kid": self.key.kid}
        return jwt.encode(header, {"iss": self.issuer, "aud": self.client_id, **times, **claims}, self.key)

    def _log_out(self, request: Request) -> Reply:
        return _redirect(request.parameter("post_logout_redirect_uri") or "/")


def _client_of(request: Request, form: Mapping[str, str]) -> str:
    """Return the client that asks, by HTTP Basic or by name; development clients have no secret to check."""
    kind, _, encoded = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return form.get("client_id", "")
    return unquote(b64decode(encoded).decode().partition(":")[0])


def _json(body: object, status: HTTPStatus = HTTPStatus.OK) -> Reply:
    return Reply(
        status=status,
        headers={"content-type": "application/json", "cache-control": "no-store"},
        body=orjson.dumps(body),
    )


def _page(status: HTTPStatus, body: str) -> Reply:
    shown = (
        f'<!doctype html><html lang="nl"><meta charset="utf-8"><title>Ontwikkel-inlog</title><main>{body}</main></html>'
    )
    return Reply(status=status, headers={"content-type": "text/html; charset=utf-8"}, body=shown.encode())


def _redirect(address: str) -> Reply:
    return Reply(status=HTTPStatus.FOUND, headers={"location": address})
