"""The keys of an issuer: which count, who waits for them, and which tokens they vouch for."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from joserfc.jwk import RSAKey

from hub.access import Role
from hub.access import issuer as issuer_module
from hub.access.issuer import IssuerKeys
from hub.access.verify import Verifier
from hub.commands.doctor import issuer as doctor_issuer
from hub.errors import NotAuthenticated, Unavailable
from hub.settings import load
from tests.support.issuer import AUDIENCE, FakeIssuer, make_key, public, serving_issuer, sign

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ISSUER = "https://issuer.example"
GOOD = make_key("P-256", "good")
RIGHT: dict[str, Any] = {
    "iss": ISSUER, "aud": ["osr-hub", "others"], "exp": int(NOW.timestamp()) - 59, "sub": "x",
    "roles": ["las", "other"], "oin": "00000099000000001000",
}  # fmt: skip
ODD_KEYS: dict[str, Any] = {
    "without a type": {"kid": "odd", "n": "AQAB", "e": "AQAB"},
    "of an unknown type": {"kty": "ML-DSA", "kid": "odd"},
    "of an unusable curve": public(make_key("secp256k1", "odd")),
    "with a padded modulus": public(make_key("RSA", "odd")) | {"n": "AQAB==="},
    "without a modulus": {"kty": "RSA", "kid": "odd", "e": "AQAB"},
    "with a short modulus": public(RSAKey.generate_key(2048)) | {"n": "w" * 171},
    "with a number as its id": public(make_key("P-256", "odd")) | {"kid": 7},
    "with its private half": make_key("P-256", "odd").as_dict(private=True),
    "for other operations": public(make_key("P-256", "odd")) | {"key_ops": ["deriveKey"]},
    "off its curve": public(make_key("P-256", "odd")) | {"x": "AAAA"},
    "that is a shared secret": {"kty": "oct", "k": "c2hhcmVk", "kid": "odd"},
    "that is a text": "odd",
    "that is null": None,
}


@pytest.fixture
async def issuer() -> AsyncIterator[FakeIssuer]:
    """Run an issuer that publishes one good key."""
    async with serving_issuer() as running:
        running.publish(GOOD)
        yield running


async def test_a_key_of_an_unknown_curve_beside_a_good_one_costs_nothing(issuer: FakeIssuer) -> None:
    """The good key counts, and the log says which key was skipped."""
    case = json.loads((Path(__file__).parents[1] / "data" / "keys.json").read_text())
    issuer.published = {"keys": [case["keys"][0], public(GOOD)]}
    with structlog.testing.capture_logs() as lines:
        found = await IssuerKeys(ISSUER, issuer.url).current()

    assert [key.kid for key in found] == ["good"]
    assert [(line["event"], line["keys"]) for line in lines] == [("keys.skipped", ["key 1 (odd): KeyError: 'BP-256'"])]


@pytest.mark.parametrize("odd", list(ODD_KEYS.values()), ids=list(ODD_KEYS))
async def test_an_odd_key_is_skipped_and_the_good_one_counts(issuer: FakeIssuer, odd: object) -> None:
    """Keys are taken one by one, whatever is wrong with one."""
    issuer.published = {"keys": [odd, public(GOOD)]}
    with structlog.testing.capture_logs() as lines:
        keys = IssuerKeys(ISSUER, issuer.url)
        found = await keys.current()
        await keys.refresh()

    assert [key.kid for key in found] == ["good"]
    assert [line["event"] for line in lines] == ["keys.skipped"]


async def test_keys_for_encryption_are_no_fault(issuer: FakeIssuer) -> None:
    """An issuer publishes them too; nothing is said of them."""
    issuer.publish(GOOD, public(make_key("RSA", "enc")) | {"use": "enc", "alg": "RSA-OAEP"})
    with structlog.testing.capture_logs() as lines:
        assert len(await IssuerKeys(ISSUER, issuer.url).current()) == 1

    assert lines == []


@pytest.mark.parametrize("published", [b"x" * 1_000_001, b"<html>", b"[]", {"keys": 5}, {"keys": []}], ids=str)
async def test_what_is_no_key_set_leaves_the_last_keys(issuer: FakeIssuer, published: Any) -> None:
    """The last keys are believed, and without any the answer is that the issuer is away."""
    keys = IssuerKeys(ISSUER, issuer.url)
    await keys.current()
    issuer.published = published
    await keys.refresh()

    assert [key.kid for key in await keys.current()] == ["good"]
    with pytest.raises(Unavailable):
        await IssuerKeys(ISSUER, issuer.url).current()


async def test_of_very_many_keys_the_first_are_read(issuer: FakeIssuer) -> None:
    """The number of keys is bounded."""
    issuer.publish(*[public(GOOD) | {"kid": f"key {n}"} for n in range(60)])

    assert len(await IssuerKeys(ISSUER, issuer.url).current()) == 50


async def test_nobody_waits_for_a_hanging_issuer_while_good_keys_are_known(issuer: FakeIssuer) -> None:
    """Tokens are verified by the last keys while the fetch hangs, at once."""
    keys = IssuerKeys(ISSUER, issuer.url)
    await keys.current()
    issuer.answers.clear()
    issuer.heard.clear()
    refreshing = asyncio.create_task(keys.keep_fresh())
    await issuer.heard.wait()
    verifier = Verifier(keys, issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW)
    for _ in range(20):
        assert (await verifier.verify(sign(GOOD, "ES256", RIGHT, kid="good"))).roles == {Role.LAS}

    assert not refreshing.done()
    assert issuer.asked == 2
    issuer.answers.set()
    await keys.close()
    refreshing.cancel()


async def test_an_unknown_key_waits_for_a_hanging_issuer_a_bounded_time(
    issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only who names an unknown key waits, and is then refused."""
    monkeypatch.setattr(issuer_module, "WAIT_SECONDS", 0.01)
    keys = IssuerKeys(ISSUER, issuer.url, monotonic=iter(range(0, 1000, 20)).__next__)
    await keys.current()
    issuer.answers.clear()
    verifier = Verifier(keys, issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW)
    with pytest.raises(NotAuthenticated, match="does not publish"):
        await verifier.verify(sign(make_key("P-256", "new"), "ES256", RIGHT, kid="new"))
    issuer.answers.set()
    await keys.close()


async def test_a_new_key_is_fetched_at_once_and_not_for_every_token_that_names_one(issuer: FakeIssuer) -> None:
    """An unknown key makes the hub look again, at most every ten seconds."""
    clock = [1000.0]
    keys = IssuerKeys(ISSUER, issuer.url, monotonic=lambda: clock[0])
    verifier = Verifier(keys, issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW)
    await verifier.verify(sign(GOOD, "ES256", RIGHT, kid="good"))
    clock[0] += 11
    new = make_key("P-256", "new")
    issuer.publish(GOOD, new)
    await asyncio.gather(*(verifier.verify(sign(new, "ES256", RIGHT, kid="new")) for _ in range(20)))

    assert issuer.asked == 2
    for _ in range(5):
        with pytest.raises(NotAuthenticated):
            await verifier.verify(sign(new, "ES256", RIGHT, kid="made up"))
    assert issuer.asked == 2


async def test_a_new_key_without_an_id_is_found_too(issuer: FakeIssuer) -> None:
    """An issuer that names no keys may change them as well."""
    clock = [1000.0]
    keys = IssuerKeys(ISSUER, issuer.url, monotonic=lambda: clock[0])
    await keys.current()
    clock[0] += 11
    new = make_key("P-256")
    issuer.publish(new)

    verifier = Verifier(keys, issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW)
    assert (await verifier.verify(sign(new, "ES256", RIGHT))).roles == {Role.LAS}


async def test_a_withdrawn_key_is_believed_until_the_next_refresh(issuer: FakeIssuer) -> None:
    """What the issuer no longer publishes opens nothing any more."""
    keys = IssuerKeys(ISSUER, issuer.url)
    await keys.current()
    issuer.publish(make_key("P-256", "new"))
    await keys.refresh()

    with pytest.raises(NotAuthenticated):
        await Verifier(keys, issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW).verify(sign(GOOD, "ES256", RIGHT))


async def test_without_keys_nobody_is_refused_for_it() -> None:
    """An issuer that cannot be reached is our trouble, not the caller's: it is no 401."""
    with pytest.raises(Unavailable):
        await IssuerKeys(ISSUER, "http://127.0.0.1:1/keys").current()


async def test_the_doctor_names_the_keys_that_do_not_count(issuer: FakeIssuer) -> None:
    """A key that is skipped is a finding, and so is an issuer without any key."""
    issuer.published = {"keys": [{"kid": "odd"}, public(GOOD)]}
    settings = load({"OSR_HUB_AUTH__ISSUER": ISSUER, "OSR_HUB_AUTH__JWKS_URL": issuer.url})
    fine, _clock, odd = await doctor_issuer.check(settings)
    issuer.publish()
    (broken,) = await doctor_issuer.check(settings)

    assert [fine.is_well, odd.is_well, broken.is_well] == [True, False, False]
    assert "publishes 1 key that" in fine.words
    assert "key 1 (odd)" in odd.words
    assert "none of its 0 keys" in broken.words


@pytest.mark.parametrize(
    ("ahead", "age", "said"),
    [
        (0, None, "well   clock of the token issuer: 0."),
        (90, None, "WRONG  clock of the token issuer: 90."),
        (-90, None, "WRONG  clock of the token issuer: 89."),
        (-90, 90, "well   clock of the token issuer: 0."),
        (None, None, "well   clock of the token issuer: it does not tell this client its time"),
    ],
)
async def test_the_doctor_compares_the_issuers_clock(
    issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch, ahead: int | None, age: int | None, said: str
) -> None:
    """By the date of its answers; one that a cache kept is as old as the cache says."""
    monkeypatch.setattr(issuer_module, "now", lambda: NOW + timedelta(seconds=0.4))
    issuer.publish(GOOD)
    if ahead is not None:
        issuer.headers = f"Date: {format_datetime(NOW + timedelta(seconds=ahead), usegmt=True)}\r\n"
    if age is not None:
        issuer.headers += f"Age: {age}\r\n"
    found = await doctor_issuer.check(load({"OSR_HUB_AUTH__ISSUER": ISSUER, "OSR_HUB_AUTH__JWKS_URL": issuer.url}))
    assert str(found[1]).startswith(said)


@pytest.mark.parametrize("slash", ["", "/"])
async def test_an_issuer_is_found_by_its_own_page_with_or_without_a_slash(issuer: FakeIssuer, slash: str) -> None:
    """The page names the keys; an issuer that ends in a slash is the same one."""
    issuer.published = {"issuer": issuer.address + slash, "jwks_uri": issuer.url, "keys": [public(GOOD)]}
    keys = IssuerKeys(issuer.address, None)
    verifier = Verifier(keys, issuer=issuer.address, audience=AUDIENCE, clock=lambda: NOW)

    assert await verifier.verify(sign(GOOD, "ES256", RIGHT | {"iss": issuer.address + slash}))


async def test_keys_that_others_could_answer_with_are_not_fetched(issuer: FakeIssuer) -> None:
    """The page of an issuer may not lead to keys over plain http."""
    issuer.published = {"issuer": issuer.address, "jwks_uri": "http://localhost.example/keys", "keys": [public(GOOD)]}
    with structlog.testing.capture_logs() as lines, pytest.raises(Unavailable):
        await IssuerKeys(issuer.address, None).current()

    assert "https only" in lines[0]["error"]
