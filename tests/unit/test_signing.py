"""Laws of signing: the published vector comes out, one right signature is enough, everything else is refused."""

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.signing import (
    InvalidKey,
    SignatureMismatch,
    format_private_key,
    format_public_key,
    format_secret,
    headers,
    new_secret,
    parse_private_key,
    parse_public_key,
    parse_secret,
    verify,
)

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SECRET = b"a secret of twenty-nine bytes"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
BODY = b'{"a":1}'


def test_the_vector_of_the_specification_comes_out() -> None:
    """Secret, id, moment and body that the specification's own implementations are tested with."""
    signed = headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        b'{"test": 2432232314}',
        [parse_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
    )
    assert signed == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_every_valid_secret_signs_and_then_the_hub_itself() -> None:
    """The signatures stand in the order of the secrets, the hub's own last."""
    parts = headers("id", NOW, BODY, [SECRET, b"x" * 24], [KEY])["webhook-signature"].split(" ")
    assert [part.partition(",")[0] for part in parts] == ["v1", "v1", "v1a"]
    KEY.public_key().verify(base64.b64decode(parts[2].removeprefix("v1a,")), b"id.1795424400." + BODY)


def test_the_same_moment_signs_the_same_in_any_zone() -> None:
    """An aware moment is one moment, whatever its offset."""
    amsterdam = NOW.astimezone(timezone(timedelta(hours=1)))
    assert headers("id", NOW, BODY, [SECRET]) == headers("id", amsterdam, BODY, [SECRET])


@given(st.binary(max_size=200), st.lists(st.binary(min_size=24, max_size=64), min_size=1, max_size=3))
def test_each_secret_alone_verifies(body: bytes, secrets: list[bytes]) -> None:
    """A receiver with any one of the secrets, or with the public key, takes the request."""
    signed = headers("id", NOW, body, secrets, [KEY])
    for secret in secrets:
        verify(signed, body, NOW, secrets=[secret])
    verify(signed, body, NOW, public_key=KEY.public_key())


@pytest.mark.parametrize("minutes", [-5, 0, 5])
def test_five_minutes_either_way_are_tolerated(minutes: int) -> None:
    """Clocks differ and requests travel."""
    verify(headers("id", NOW, BODY, [SECRET]), BODY, NOW + timedelta(minutes=minutes), secrets=[SECRET])


@pytest.mark.parametrize("seconds", [-301, 301])
def test_more_than_five_minutes_are_not(seconds: int) -> None:
    """An old request that is played again is refused, and so is one from the future."""
    with pytest.raises(SignatureMismatch, match="five minutes"):
        verify(headers("id", NOW, BODY, [SECRET]), BODY, NOW + timedelta(seconds=seconds), secrets=[SECRET])


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"webhook-id": "other"}, "no signature is right"),
        ({"webhook-timestamp": "1795424401"}, "no signature is right"),
        ({"webhook-timestamp": "1795424400.5"}, "no number of seconds"),
        ({"webhook-timestamp": "-1"}, "no number of seconds"),
        ({"webhook-timestamp": ""}, "no number of seconds"),
        ({"webhook-timestamp": "\u0661"}, "no number of seconds"),
        ({"webhook-signature": ""}, "no signature is right"),
        ({"webhook-signature": "v1"}, "no signature is right"),
        ({"webhook-signature": "v1,!!! v1,é v1, v1a,AAAA v2,AAAA"}, "no signature is right"),
    ],
)
def test_a_changed_header_is_refused(changed: dict[str, str], says: str) -> None:
    """Id and moment are signed too, and what is no signature is passed over."""
    signed = {**headers("id", NOW, BODY, [SECRET], [KEY]), **changed}
    with pytest.raises(SignatureMismatch, match=says):
        verify(signed, BODY, NOW, secrets=[SECRET], public_key=KEY.public_key())


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_each_header_is_needed(name: str) -> None:
    """A request without one of the three is refused by its name."""
    signed = headers("id", NOW, BODY, [SECRET])
    del signed[name]
    with pytest.raises(SignatureMismatch, match=f"{name} is missing"):
        verify(signed, BODY, NOW, secrets=[SECRET])


def test_another_secret_key_or_body_is_refused() -> None:
    """Nothing verifies what it did not sign, and a receiver without any key verifies nothing."""
    signed = headers("id", NOW, BODY, [SECRET], [KEY])
    stranger = Ed25519PrivateKey.generate().public_key()
    for body, secrets, key in (
        (BODY, [new_secret()], stranger),
        (BODY + b" ", [SECRET], KEY.public_key()),
        (BODY, [], None),
    ):
        with pytest.raises(SignatureMismatch):
            verify(signed, body, NOW, secrets=secrets, public_key=key)


def test_an_id_with_a_full_stop_is_not_signed() -> None:
    """It would let two different messages have the same signed bytes."""
    with pytest.raises(ValueError, match="without"):
        headers("a.b", NOW, BODY, [SECRET])


def test_a_moment_without_a_zone_is_not_signed() -> None:
    """Nobody could tell which moment it is."""
    with pytest.raises(ValueError, match="aware"):
        headers("id", NOW.replace(tzinfo=None), BODY, [SECRET])


@given(st.binary(min_size=24, max_size=64))
def test_secrets_are_read_as_they_were_written(secret: bytes) -> None:
    """Writing and reading gives the same bytes."""
    assert parse_secret(format_secret(secret)) == secret


@given(st.binary(min_size=32, max_size=32))
def test_keys_are_read_as_they_were_written(seed: bytes) -> None:
    """Both halves survive, and a private key is read with and without its public half."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    bare = f"whsk_{base64.b64encode(seed).decode()}"
    for text in (bare, format_private_key(key)):
        assert parse_private_key(text).private_bytes_raw() == seed
    public = parse_public_key(format_public_key(key.public_key()))
    assert public.public_bytes_raw() == key.public_key().public_bytes_raw()


def test_new_secrets_differ_and_have_the_length_that_is_asked() -> None:
    """Two of them are never the same."""
    one, other = new_secret(), new_secret()
    assert one != other
    assert parse_secret(format_secret(one)) == one


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_",
        "whsec_not base64",
        format_secret(b"x" * 23),
        format_secret(b"x" * 65),
        "whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ],
)
def test_a_malformed_secret_is_refused_without_being_shown(text: str) -> None:
    """The error says what is expected and does not repeat the secret."""
    with pytest.raises(InvalidKey) as caught:
        parse_secret(text)
    assert text.removeprefix("whsec_") not in str(caught.value) or text in ("", "whsec_")


@pytest.mark.parametrize("text", ["whsk_", "whsec_AAAA", f"whsk_{base64.b64encode(bytes(64)).decode()}"])
def test_a_malformed_private_key_is_refused(text: str) -> None:
    """Length, prefix, and the match of both halves are checked."""
    with pytest.raises(InvalidKey):
        parse_private_key(text)


@pytest.mark.parametrize("text", ["whpk_", "whpk_AAAA", f"whsk_{base64.b64encode(bytes(32)).decode()}"])
def test_a_malformed_public_key_is_refused(text: str) -> None:
    """Length and prefix are checked."""
    with pytest.raises(InvalidKey):
        parse_public_key(text)
