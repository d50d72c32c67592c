"""Tokens: who is believed, and who is not."""

import asyncio
import base64
import hmac
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from hub.access import Caller, Role, Verifier, ensure_keyfile, issue, verifier_for
from hub.access.issuer import IssuerKeys
from hub.errors import ConfigurationError, NotAuthenticated, Unavailable
from hub.settings import load
from schemas.identifiers import BgeCode, Brin, Oin

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LAS = Caller(subject="simulated LAS", roles=frozenset({Role.LAS}), oins=frozenset({Oin("00000099000000001000")}))
ADMINISTRATOR = Caller(
    subject="administrator",
    roles=frozenset({Role.SCHOOL}),
    brins=frozenset({Brin("18DS"), Brin("11OA")}),
    bges=frozenset({BgeCode("41561")}),
)
ISSUER = "https://issuer.example"


@pytest.fixture
def keyfile(tmp_path: Path) -> Path:
    """Make a development key of this test alone."""
    path = tmp_path / "keys" / "development.json"
    ensure_keyfile(path)
    return path


def believing(keyfile: Path, at: datetime = NOW) -> Verifier:
    """Make a verifier of the key file's tokens, at a given time."""
    keys = KeySet([_read_key(keyfile)])

    async def find(_kid: str | None) -> KeySet:
        return keys

    return Verifier(find, issuer="osr-hub-development", audience="osr-hub", clock=lambda: at)


@pytest.mark.parametrize("caller", [LAS, ADMINISTRATOR], ids=["las", "administrator"])
async def test_a_token_says_what_it_was_issued_for(keyfile: Path, caller: Caller) -> None:
    """What goes into a token comes out of it, and nothing more."""
    assert await believing(keyfile).verify(issue(keyfile, caller, now=NOW)) == caller


async def test_a_token_ends(keyfile: Path) -> None:
    """A token is believed for its lifetime and a minute of clocks that differ, not longer."""
    token = issue(keyfile, LAS, now=NOW, lifetime=timedelta(hours=1))

    assert await believing(keyfile, NOW + timedelta(minutes=60, seconds=59)).verify(token) == LAS
    with pytest.raises(NotAuthenticated, match="expired"):
        await believing(keyfile, NOW + timedelta(minutes=62)).verify(token)


async def test_a_token_begins(keyfile: Path) -> None:
    """A token from the future is not believed, except for clocks that differ a little."""
    token = issue(keyfile, LAS, now=NOW)

    assert await believing(keyfile, NOW - timedelta(seconds=59)).verify(token) == LAS
    with pytest.raises(NotAuthenticated):
        await believing(keyfile, NOW - timedelta(minutes=2)).verify(token)


async def test_another_audience_is_not_ours(keyfile: Path) -> None:
    """A token meant for another application opens nothing here."""
    with pytest.raises(NotAuthenticated):
        await believing(keyfile).verify(issue(keyfile, LAS, now=NOW, audience="another"))


async def test_another_key_is_not_believed(keyfile: Path, tmp_path: Path) -> None:
    """A token signed by somebody else's key is refused."""
    ensure_keyfile(tmp_path / "other.json")

    with pytest.raises(NotAuthenticated):
        await believing(keyfile).verify(issue(tmp_path / "other.json", LAS, now=NOW))


@pytest.mark.parametrize(
    "text", ["", "a", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "é.é.é", "x" * 20_000, "\x00.\x00.\x00"]
)
async def test_nonsense_is_not_believed(keyfile: Path, text: str) -> None:
    """Whatever stands where a token should be is refused in one way."""
    with pytest.raises(NotAuthenticated):
        await believing(keyfile).verify(text)


async def test_a_public_key_is_no_shared_secret(keyfile: Path) -> None:
    """Signing by HMAC with the public key as its secret, a classic forgery, is refused."""
    public = _read_key(keyfile)
    claims = {"iss": "osr-hub-development", "aud": "osr-hub", "exp": 2**33, "sub": "x", "roles": ["operations"]}
    parts = [_base64(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": public.kid}, claims)]
    signed = b".".join(parts)
    forged = signed + b"." + _base64(hmac.digest(public.as_pem(private=False), signed, "sha256"))

    with pytest.raises(NotAuthenticated):
        await believing(keyfile).verify(forged.decode())


def test_the_key_file_is_private_and_stays(tmp_path: Path) -> None:
    """Only its owner reads the key, and asking for it again changes nothing."""
    path = tmp_path / "development.json"
    ensure_keyfile(path)
    first = path.read_text()
    ensure_keyfile(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == first
    assert [file.name for file in tmp_path.iterdir()] == ["development.json"]


def test_exactly_one_side_is_believed(keyfile: Path) -> None:
    """Neither or both of an issuer and a development key is a wrong installation."""
    of_key = {"OSR_HUB_AUTH__DEVELOPMENT_KEYFILE": str(keyfile)}
    of_issuer = {"OSR_HUB_AUTH__ISSUER": ISSUER}

    for environment in ({}, of_key | of_issuer):
        with pytest.raises(ConfigurationError, match="AUTH__ISSUER"):
            verifier_for(load(environment))
    for environment in (of_key, of_issuer):
        assert isinstance(verifier_for(load(environment)), Verifier)


class _Issuer:
    """An issuer's key address on loopback: answers with what `keys` holds, and counts how often it was asked."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.asked = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        body = json.dumps({"keys": self.keys}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()


async def test_a_new_key_is_fetched_at_once_and_not_for_every_token_that_names_one() -> None:
    """An unknown key makes the hub look again, at most every ten seconds; an hour later it looks anyway."""
    issuer, clock = _Issuer(), [1000.0]
    server = await asyncio.start_server(issuer.answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        keys = IssuerKeys(ISSUER, f"http://127.0.0.1:{port}/keys", monotonic=lambda: clock[0])
        issuer.keys = [_public("first"), {"kty": "oct", "k": "c2hhcmVk", "kid": "shared"}]

        assert {key.kid for key in (await keys.find("first")).keys} == {"first"}
        issuer.keys.append(_public("second"))
        assert {key.kid for key in (await keys.find("second")).keys} == {"first", "second"}
        assert issuer.asked == 2
        await asyncio.gather(*(keys.find(f"made up {n}") for n in range(50)))
        assert issuer.asked == 2
        clock[0] += 11
        await asyncio.gather(*(keys.find(f"made up {n}") for n in range(50)))
        assert issuer.asked == 3
        clock[0] += 3601
        issuer.keys = [_public("second")]
        assert {key.kid for key in (await keys.find("second")).keys} == {"second"}


async def test_while_the_issuer_is_away_its_last_keys_are_believed() -> None:
    """The log says so every time it was looked in vain, which is at most every ten seconds."""
    issuer, clock = _Issuer(), [1000.0]
    server = await asyncio.start_server(issuer.answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    keys = IssuerKeys(ISSUER, f"http://127.0.0.1:{port}/keys", monotonic=lambda: clock[0])
    issuer.keys = [_public("first")]
    async with server:
        await keys.find("first")
    clock[0] += 4000
    with structlog.testing.capture_logs() as lines:
        for _ in range(5):
            assert {key.kid for key in (await keys.find("first")).keys} == {"first"}
        clock[0] += 11
        await keys.find("first")
    assert [(line["event"], line["believed"]) for line in lines] == [("keys.not_fetched", "its last keys")] * 2


@pytest.mark.parametrize(
    ("claims", "header"),
    [
        ({"iss": "https://other.example"}, {}),
        ({"iss": None}, {}),
        ({"aud": "another"}, {}),
        ({"aud": None}, {}),
        ({"exp": None}, {}),
        ({"exp": int(NOW.timestamp()) - 61}, {}),
        ({"nbf": int(NOW.timestamp()) + 61}, {}),
        ({"sub": None}, {}),
        ({"roles": {"operations": True}}, {}),
        ({}, {"alg": "none"}),
        ({}, {"kid": "another"}),
    ],
    ids=str,
)
async def test_a_token_of_an_issuer_is_believed_only_whole(claims: dict[str, Any], header: dict[str, Any]) -> None:
    """Its own is, signed by a key it publishes; with one thing wrong it is refused."""
    issuer = _Issuer()
    key = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
    issuer.keys = [dict(key.as_dict(private=False))]
    right = {
        "iss": ISSUER, "aud": ["osr-hub", "others"], "exp": int(NOW.timestamp()) - 59, "sub": "x",
        "roles": ["las", "other"], "oin": "00000099000000001000",
    }  # fmt: skip
    server = await asyncio.start_server(issuer.answer, "127.0.0.1", 0)
    async with server:
        keys = IssuerKeys(ISSUER, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys")
        verifier = Verifier(keys.find, issuer=ISSUER, audience="osr-hub", clock=lambda: NOW)
        token = jwt.encode({"alg": "ES256", "kid": "one"}, right, key)
        assert (await verifier.verify(token)).roles == {Role.LAS}
        given = {name: value for name, value in (right | claims).items() if value is not None}
        wrong = jwt.encode({"alg": "ES256", "kid": "one"} | {k: v for k, v in header.items() if k == "kid"}, given, key)
        if header.get("alg") == "none":
            wrong = (_base64(json.dumps(header).encode()) + b"." + _base64(json.dumps(given).encode()) + b".").decode()
        with pytest.raises(NotAuthenticated):
            await verifier.verify(wrong)


async def test_without_keys_nobody_is_refused_for_it() -> None:
    """An issuer that cannot be reached is our trouble, not the caller's: it is no 401."""
    keys = IssuerKeys(ISSUER, "http://127.0.0.1:1/keys")

    with pytest.raises(Unavailable):
        await keys.find("any")


def _read_key(keyfile: Path) -> ECKey:
    return ECKey.import_key(json.loads(keyfile.read_text()))


def _base64(plain: bytes) -> bytes:
    return base64.urlsafe_b64encode(plain).rstrip(b"=")


def _public(kid: str) -> dict[str, Any]:
    return dict(ECKey.generate_key("P-256", {"kid": kid, "use": "sig"}).as_dict(private=False))
