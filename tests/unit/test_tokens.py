"""Tokens: who is believed, and who is not."""

import base64
import hmac
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from hub.access import Caller, Role, verify
from hub.access.development import ensure_keyfile, issue
from hub.access.published_keys import is_signed_by
from hub.access.verified import VerifiedToken, VerifiedTokens
from hub.access.verify import StaticKeys, Verifier, verifier_for
from hub.errors import ConfigurationError, NotAuthenticated
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
    keys = StaticKeys([_read_key(keyfile)])
    return Verifier(keys, issuer="osr-hub-development", audience="osr-hub", clock=lambda: at)


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


def _read_key(keyfile: Path) -> ECKey:
    return ECKey.import_key(json.loads(keyfile.read_text()))


def _base64(plain: bytes) -> bytes:
    return base64.urlsafe_b64encode(plain).rstrip(b"=")


class _Replaceable(StaticKeys):
    """Keys that a test replaces, as a fetch does."""

    def replace(self, keys: list[ECKey]) -> None:
        """Publish other keys."""
        self._keys = keys


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record each check of a signature."""
    done: list[str] = []

    def check(signed: Any, key: Any) -> bool:
        done.append(signed.headers()["alg"])
        return is_signed_by(signed, key)

    monkeypatch.setattr(verify, "is_signed_by", check)
    return done


async def test_a_signature_is_checked_once_until_the_token_ends(keyfile: Path, checks: list[str]) -> None:
    """A token that was verified is known by itself; when it has ended it is refused as before."""
    now = [NOW]
    verifier = Verifier(
        StaticKeys([_read_key(keyfile)]), issuer="osr-hub-development", audience="osr-hub", clock=lambda: now[0]
    )
    token = issue(keyfile, LAS, now=NOW, lifetime=timedelta(hours=1))
    assert [await verifier.verify(token) for _ in range(3)] == [LAS, LAS, LAS]
    assert len(checks) == 1
    now[0] = NOW + timedelta(minutes=62)
    with pytest.raises(NotAuthenticated, match="expired"):
        await verifier.verify(token)
    assert len(checks) == 2


async def test_other_keys_check_each_token_again(keyfile: Path, tmp_path: Path, checks: list[str]) -> None:
    """A key that is published no more is believed no more, whatever it signed before."""
    keys = _Replaceable([_read_key(keyfile)])
    verifier = Verifier(keys, issuer="osr-hub-development", audience="osr-hub", clock=lambda: NOW)
    token = issue(keyfile, LAS, now=NOW)
    await verifier.verify(token)
    keys.replace([_read_key(keyfile)])
    assert await verifier.verify(token) == LAS
    assert len(checks) == 2
    ensure_keyfile(tmp_path / "other.json")
    keys.replace([_read_key(tmp_path / "other.json")])
    with pytest.raises(NotAuthenticated):
        await verifier.verify(token)


def test_so_many_tokens_are_remembered() -> None:
    """The one that was not used for the longest time is forgotten first."""
    known = VerifiedTokens(most=2)
    verified = VerifiedToken(caller=LAS, until=2.0, keys=())
    known.add("one", verified)
    known.add("two", verified)
    assert known.find("one", 1.0) is verified
    known.add("three", verified)
    assert [known.find(name, 1.0) for name in ("one", "two", "three")] == [verified, None, verified]
    assert known.find("one", 2.1) is None
