"""Tokens of an issuer: which signatures, headers and claims are believed."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from joserfc.jws import JWSRegistry

from hub.access import Caller, Role
from hub.access.caller import ClaimNames, read_caller
from hub.access.published_keys import read_keys
from hub.access.verify import StaticKeys, Verifier
from hub.errors import NotAuthenticated
from hub.settings import load
from tests.support.issuer import AUDIENCE, make_key, public, sign

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ISSUER = "https://issuer.example"
GOOD = make_key("P-256", "good")
RIGHT: dict[str, Any] = {
    "iss": ISSUER, "aud": ["osr-hub", "others"], "exp": int(NOW.timestamp()) - 59, "sub": "x",
    "roles": ["las", "other"], "oin": "00000099000000001000",
}  # fmt: skip
KINDS = [
    ("RSA", "RS256"), ("RSA", "PS256"), ("P-256", "ES256"), ("P-384", "ES384"),
    ("Ed25519", "EdDSA"), ("Ed25519", "Ed25519"),
]  # fmt: skip


def believing(*published: Mapping[str, Any]) -> Verifier:
    """Make a verifier of a key set."""
    keys = read_keys({"keys": list(published)})
    return Verifier(StaticKeys(keys.usable), issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("kid", ["own", None], ids=["by id", "without id"])
@pytest.mark.parametrize(("kind", "algorithm"), KINDS)
async def test_every_usual_signature_is_believed(kind: str, algorithm: str, kid: str | None) -> None:
    """By the key of its id, or by whichever key fits; and a changed token is not."""
    own, others = make_key(kind, "own"), [public(make_key(each, "other")) for each in ("RSA", "P-256", "Ed25519")]
    verifier = believing(*others, public(own))
    token = sign(own, algorithm, RIGHT, **({"kid": kid} if kid else {}))

    assert (await verifier.verify(token)).roles == {Role.LAS}
    head, claims, signature = token.split(".")
    wrong = base64.urlsafe_b64encode(bytes(b ^ 1 for b in base64.urlsafe_b64decode(signature + "=="))).decode()
    with pytest.raises(NotAuthenticated):
        await verifier.verify(f"{head}.{claims}.{wrong.rstrip('=')}")


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("of_key", ["EdDSA", "Ed25519"])
@pytest.mark.parametrize("of_token", ["EdDSA", "Ed25519"])
async def test_eddsa_goes_by_both_its_names(of_key: str, of_token: str) -> None:
    """The key may use the older name where the token uses the newer, and the other way round."""
    own = make_key("Ed25519", "own")

    assert await believing(public(own) | {"alg": of_key}).verify(sign(own, of_token, RIGHT, kid="own"))


async def test_a_key_without_an_id_fits_a_token_that_names_one() -> None:
    """Some issuers name keys in tokens and not in their key set; a key with another id does not fit."""
    own = public(GOOD)
    nameless = {name: value for name, value in own.items() if name != "kid"}

    assert await believing(nameless).verify(sign(GOOD, "ES256", RIGHT, kid="good"))
    with pytest.raises(NotAuthenticated):
        await believing(own | {"kid": "another"}).verify(sign(GOOD, "ES256", RIGHT, kid="good"))


async def test_a_key_is_believed_for_its_own_algorithm_only() -> None:
    """A key that is published for RS256 vouches for nothing else."""
    own = make_key("RSA", "own")

    with pytest.raises(NotAuthenticated):
        await believing(public(own) | {"alg": "RS256"}).verify(sign(own, "PS256", RIGHT, kid="own"))


@pytest.mark.parametrize(
    "header",
    [
        {"x5c": ["M" * 2000]}, {"x5u": "nowhere"}, {"acr": {"any": 1}}, {"jku": 5}, {"cty": None},
        {"typ": "JWT"}, {"typ": "jwt"}, {"typ": "at+jwt"}, {"typ": "application/at+jwt"}, {"typ": "AT+JWT"}, {},
    ],
    ids=str,
)  # fmt: skip
async def test_a_header_may_say_more(header: dict[str, Any]) -> None:
    """Parameters that mean nothing here are ignored, however long."""
    assert await believing(public(GOOD)).verify(_signed_raw({"alg": "ES256", "kid": "good", **header}, RIGHT))


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"], "exp": 1}, {"crit": []}, {"crit": ["b64"], "b64": True}, {"crit": ["b64"], "b64": False},
        {"b64": False}, {"typ": "logout+jwt"}, {"typ": "dpop+jwt"}, {"typ": ""}, {"typ": 5}, {"kid": 5},
        {"alg": "none"}, {"alg": "ES384"}, {"alg": "RS256"}, {"alg": "ES256K"}, {"alg": None}, {"alg": ["ES256"]},
    ],
    ids=str,
)  # fmt: skip
async def test_a_header_that_demands_more_is_refused(header: dict[str, Any]) -> None:
    """What is critical and unknown, another kind of token, or another algorithm opens nothing."""
    with pytest.raises(NotAuthenticated):
        await believing(public(GOOD)).verify(_signed_raw({"alg": "ES256", "kid": "good", **header}, RIGHT))


async def test_an_unsigned_token_is_refused() -> None:
    """The algorithm `none` needs no key, and opens nothing."""
    head, claims = (_base64(json.dumps(part).encode()) for part in ({"alg": "none"}, RIGHT))

    with pytest.raises(NotAuthenticated):
        await believing(public(GOOD)).verify(f"{head}.{claims}.")


@pytest.mark.parametrize("kid", [{"kid": "good"}, {}], ids=["by id", "without id"])
async def test_a_public_key_is_no_shared_secret(kid: dict[str, str]) -> None:
    """A token that is signed by HMAC with the public key as its secret is refused."""
    signed = ".".join(_base64(json.dumps(part).encode()) for part in ({"alg": "HS256", **kid}, RIGHT))
    for secret in (GOOD.as_pem(private=False), json.dumps(public(GOOD)).encode()):  # type: ignore[union-attr]
        with pytest.raises(NotAuthenticated):
            await believing(public(GOOD)).verify(f"{signed}.{_base64(hmac.digest(secret, signed.encode(), 'sha256'))}")


@pytest.mark.parametrize(
    ("claims", "header"),
    [
        ({"nonce": "n"}, {}),
        ({"at_hash": "h"}, {"typ": "JWT"}),
        ({"c_hash": "h"}, {"typ": "JWT"}),
        ({"typ": "ID"}, {"typ": "JWT"}),
        ({"typ": "Refresh"}, {"typ": "JWT"}),
        ({"typ": 5}, {}),
    ],
    ids=str,
)
async def test_an_id_token_is_no_access_token(claims: dict[str, Any], header: dict[str, Any]) -> None:
    """A token that says who logged in opens nothing, though its issuer signed it for this audience."""
    with pytest.raises(NotAuthenticated, match="access token"):
        await believing(public(GOOD)).verify(sign(GOOD, "ES256", RIGHT | claims, kid="good", **header))


@pytest.mark.parametrize(
    ("claims", "header"),
    [({"nonce": "n", "typ": "Bearer"}, {"typ": "JWT"}), ({"auth_time": 1}, {}), ({"nonce": "n"}, {"typ": "at+jwt"})],
    ids=str,
)
async def test_an_access_token_may_hold_what_id_tokens_hold(claims: dict[str, Any], header: dict[str, Any]) -> None:
    """A token that is marked as an access token is one."""
    assert await believing(public(GOOD)).verify(sign(GOOD, "ES256", RIGHT | claims, kid="good", **header))


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"}, {"iss": None}, {"iss": f"{ISSUER}//"}, {"iss": [ISSUER]},
        {"aud": "another"}, {"aud": None}, {"exp": None}, {"exp": int(NOW.timestamp()) - 61},
        {"nbf": int(NOW.timestamp()) + 61}, {"sub": None}, {"roles": {"operations": True}}, {"roles": [1]},
    ],
    ids=str,
)  # fmt: skip
async def test_a_token_of_an_issuer_is_believed_only_whole(claims: dict[str, Any]) -> None:
    """Its own is, with or without a slash at the end of its issuer; with one thing wrong it is refused."""
    verifier = believing(public(GOOD))
    assert (await verifier.verify(sign(GOOD, "ES256", RIGHT, kid="good"))).roles == {Role.LAS}
    assert (await verifier.verify(sign(GOOD, "ES256", RIGHT | {"iss": f"{ISSUER}/"}))).roles == {Role.LAS}
    with pytest.raises(NotAuthenticated):
        await verifier.verify(sign(GOOD, "ES256", RIGHT | claims, kid="good"))


def test_claims_are_found_where_the_settings_say() -> None:
    """By a dotted path, or by a name that holds dots itself; as lists, or as one text."""
    names = load(
        {
            "OSR_HUB_AUTH__ROLES_CLAIM": "resource_access.osr.hub.roles",
            "OSR_HUB_AUTH__BRINS_CLAIM": "https://edu.example/claims/brins",
            "OSR_HUB_AUTH__BGES_CLAIM": "edu.boards",
            "OSR_HUB_AUTH__OIN_CLAIM": "client_oin",
        }
    ).auth
    claims = {
        "sub": "x",
        "roles": ["operations"],
        "resource_access": {"osr.hub": {"roles": ["OSR-toegang", "las"]}},
        "https://edu.example/claims/brins": "18DS, 11OA",
        "edu": {"boards": "41561 41562"},
        "client_oin": "00000099000000001000",
    }
    found = read_caller(
        claims,
        ClaimNames(roles=names.roles_claim, brins=names.brins_claim, bges=names.bges_claim, oin=names.oin_claim),
    )

    assert found.roles == {Role.SCHOOL, Role.LAS}
    assert sorted(found.brins) == ["11OA", "18DS"]
    assert sorted(found.bges) == ["41561", "41562"]
    assert found.oin == "00000099000000001000"


@pytest.mark.parametrize("path", ["realm_access.roles", "roles.deeper.still", "", "."])
def test_a_path_that_leads_nowhere_gives_no_role(path: str) -> None:
    """A caller without the claim has no role; that is no error."""
    claims = {"sub": "x", "realm_access": "roles", "roles": ["operations"]}

    assert read_caller(claims, ClaimNames(roles=path)).roles == frozenset()


def test_a_token_may_name_the_systems_it_acts_for() -> None:
    """Without the claim a supplier acts for all its systems; with an empty one for none."""
    named = read_caller({"sub": "x", "systems": ["north", "south"]})

    assert named.systems == frozenset({"north", "south"})
    assert read_caller({"sub": "x"}).systems is None
    assert read_caller({"sub": "x", "systems": []}).systems == frozenset()
    assert read_caller(named.claims()) == named
    assert read_caller(replace(named, systems=None).claims()) == Caller(subject="x", roles=frozenset())


def _signed_raw(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """Return a token with any header, signed by ES256 with the good key."""
    signed = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
    signature = _es256(signed.encode())
    return f"{signed}.{_base64(signature)}"


def _es256(message: bytes) -> bytes:
    return JWSRegistry.algorithms["ES256"].sign(message, GOOD)


def _base64(plain: bytes) -> str:
    return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()
