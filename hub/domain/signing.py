"""Sign and verify webhooks as Standard Webhooks 1.0 prescribes.

In: a message's id, the moment of the attempt, the body's bytes, the receiver's secrets and the hub's key.
Out: the three headers. `verify` is the other side of it, for receivers that are ours.

`v1` is HMAC-SHA256, one signature per secret that is valid at the moment, so that a receiver can change secrets without
losing a message; `v1a` is Ed25519 by each key of the hub that is valid, whose public halves anyone may have.
"""

import base64
import binascii
import hmac
import secrets as randomness
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the start of every secret is no secret
PRIVATE_KEY_PREFIX: Final = "whsk_"
PUBLIC_KEY_PREFIX: Final = "whpk_"
SHORTEST_SECRET: Final = 24
LONGEST_SECRET: Final = 64
NEW_SECRET: Final = 32
KEY: Final = 32
TOLERANCE: Final = timedelta(minutes=5)


class InvalidKey(ValueError):  # noqa: N818 - named as the claim it makes
    """A secret or key is malformed; the message does not show it."""


class SignatureMismatch(Exception):  # noqa: N818 - named as the claim it makes
    """A request is not one of the hub's."""


def headers(
    message_id: str,
    attempted_at: datetime,
    body: bytes,
    secrets: Sequence[bytes],
    keys: Sequence[Ed25519PrivateKey] = (),
) -> dict[str, str]:
    """Sign one attempt: a `v1` signature per secret in the order given, then a `v1a` per key.

    `attempted_at` is aware and of this attempt, not of the event; the id must hold no full stop, which would let two
    different messages have the same signed bytes.
    """
    if "." in message_id or attempted_at.tzinfo is None:
        msg = "a message id without '.' and an aware moment are needed to sign"
        raise ValueError(msg)
    timestamp = str(int(attempted_at.timestamp()))
    content = b"%b.%b.%b" % (message_id.encode(), timestamp.encode(), body)
    signatures = [f"v1,{_encode(_hmac(secret, content))}" for secret in secrets]
    signatures += [f"v1a,{_encode(key.sign(content))}" for key in keys]
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": " ".join(signatures)}


def verify(
    received: Mapping[str, str],
    body: bytes,
    now: datetime,
    *,
    secrets: Sequence[bytes] = (),
    public_key: Ed25519PublicKey | None = None,
) -> None:
    """Return when one signature is right and the attempt is at most five minutes away; else raise `SignatureMismatch`.

    `received` are the request's headers, names in any case. Signatures of unknown versions are passed over.
    """
    named = {name.lower(): value for name, value in received.items()}
    try:
        message_id, timestamp, signatures = (named[f"webhook-{part}"] for part in ("id", "timestamp", "signature"))
    except KeyError as error:
        msg = f"header {error.args[0]} is missing"
        raise SignatureMismatch(msg) from error
    _check_age(timestamp, now)
    content = b"%b.%b.%b" % (message_id.encode(), timestamp.encode(), body)
    symmetric = [_hmac(secret, content) for secret in secrets]
    # Every signature is looked at, so that the time taken does not tell which one was right.
    verdicts = [
        _is_right(version, signature, content, symmetric, public_key) for version, signature in _split(signatures)
    ]
    if not any(verdicts):
        msg = "no signature is right"
        raise SignatureMismatch(msg)


def new_secret() -> bytes:
    """Make a random secret."""
    return randomness.token_bytes(NEW_SECRET)


def parse_secret(text: str) -> bytes:
    """Read a secret, `whsec_` and base64 of 24 to 64 bytes."""
    secret = _parse(text, SECRET_PREFIX)
    if not SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET:
        msg = f"a secret has {SHORTEST_SECRET} to {LONGEST_SECRET} bytes, this one {len(secret)}"
        raise InvalidKey(msg)
    return secret


def format_secret(secret: bytes) -> str:
    """Write a secret as receivers are given it."""
    return f"{SECRET_PREFIX}{_encode(secret)}"


def parse_private_key(text: str) -> Ed25519PrivateKey:
    """Read a private key, `whsk_` and base64 of its 32 bytes, or of those and the public key's 32."""
    content = _parse(text, PRIVATE_KEY_PREFIX)
    if len(content) not in (KEY, 2 * KEY):
        msg = f"a private key has {KEY} or {2 * KEY} bytes, this one {len(content)}"
        raise InvalidKey(msg)
    key = Ed25519PrivateKey.from_private_bytes(content[:KEY])
    if content[KEY:] and content[KEY:] != key.public_key().public_bytes_raw():
        msg = "the two halves of the private key do not belong together"
        raise InvalidKey(msg)
    return key


def format_private_key(key: Ed25519PrivateKey) -> str:
    """Write a private key with its public half, as other implementations keep it."""
    return f"{PRIVATE_KEY_PREFIX}{_encode(key.private_bytes_raw() + key.public_key().public_bytes_raw())}"


def parse_public_key(text: str) -> Ed25519PublicKey:
    """Read a public key, `whpk_` and base64 of its 32 bytes."""
    content = _parse(text, PUBLIC_KEY_PREFIX)
    if len(content) != KEY:
        msg = f"a public key has {KEY} bytes, this one {len(content)}"
        raise InvalidKey(msg)
    return Ed25519PublicKey.from_public_bytes(content)


def format_public_key(key: Ed25519PublicKey) -> str:
    """Write a public key as receivers are given it."""
    return f"{PUBLIC_KEY_PREFIX}{_encode(key.public_bytes_raw())}"


def _hmac(secret: bytes, content: bytes) -> bytes:
    code = _begin_hmac(secret).copy()
    code.update(content)
    return code.finalize()


@lru_cache(1024)
def _begin_hmac(secret: bytes) -> HMAC:
    """Take a secret in, once for all messages: that is most of what signing a short one costs."""
    return HMAC(secret, SHA256())


def _encode(content: bytes) -> str:
    return binascii.b2a_base64(content, newline=False).decode()


def _decode(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _parse(text: str, prefix: str) -> bytes:
    content = _decode(text.removeprefix(prefix)) if text.startswith(prefix) else None
    if content is None:
        msg = f"expected {prefix} and base64"
        raise InvalidKey(msg)
    return content


def _check_age(timestamp: str, now: datetime) -> None:
    if not (timestamp.isascii() and timestamp.isdigit()):
        msg = "webhook-timestamp is no number of seconds"
        raise SignatureMismatch(msg)
    if abs(int(timestamp) - now.timestamp()) > TOLERANCE.total_seconds():
        msg = "webhook-timestamp is more than five minutes away"
        raise SignatureMismatch(msg)


def _split(signatures: str) -> Iterator[tuple[str, bytes]]:
    for part in signatures.split():
        version, _, text = part.partition(",")
        signature = _decode(text)
        if signature is not None:
            yield version, signature


def _is_right(
    version: str, signature: bytes, content: bytes, symmetric: Sequence[bytes], public_key: Ed25519PublicKey | None
) -> bool:
    match version:
        case "v1":
            return sum(hmac.compare_digest(signature, expected) for expected in symmetric) > 0
        case "v1a" if public_key is not None:
            return _is_signed(public_key, signature, content)
        case _:
            return False


def _is_signed(public_key: Ed25519PublicKey, signature: bytes, content: bytes) -> bool:
    try:
        public_key.verify(signature, content)
    except InvalidSignature:
        return False
    return True
