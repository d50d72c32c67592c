"""Our signatures and the official Standard Webhooks library understand each other, in both directions."""

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from hub.domain.signing import format_secret, headers, new_secret, verify

BODY = '{"specversion":"1.0","data":{"systemName":"Één LAS"}}'.encode()
ID = "01936b2e-0000-7000-8000-000000000001"


def test_the_library_accepts_what_we_sign() -> None:
    """A receiver with the official library and its secret takes our request."""
    secret = new_secret()
    signed = headers(ID, datetime.now(UTC), BODY, [secret])
    assert Webhook(format_secret(secret)).verify(BODY, signed)["specversion"] == "1.0"


def test_the_library_accepts_either_secret_during_a_rotation_and_passes_over_ed25519() -> None:
    """With two secrets and the hub's key in one header, each secret alone is enough."""
    old, new = new_secret(), new_secret()
    signed = headers(ID, datetime.now(UTC), BODY, [new, old], [Ed25519PrivateKey.generate()])
    for secret in (old, new):
        Webhook(format_secret(secret)).verify(BODY, signed)


def test_the_library_refuses_another_body() -> None:
    """One changed byte is enough."""
    secret = new_secret()
    signed = headers(ID, datetime.now(UTC), BODY, [secret])
    with pytest.raises(WebhookVerificationError):
        Webhook(format_secret(secret)).verify(BODY.replace(b"1.0", b"1.1"), signed)


def test_we_accept_what_the_library_signs() -> None:
    """Its signature in its own headers passes our check."""
    secret, now = new_secret(), datetime.now(UTC)
    signature = Webhook(format_secret(secret)).sign(ID, now, BODY.decode())
    received = {
        "Webhook-Id": ID,
        "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": signature,
    }
    verify(received, BODY, now, secrets=[secret])
