"""Keys that seal secrets, for tests that need some."""

from __future__ import annotations

from cryptography.fernet import Fernet


def new_key() -> str:
    """Make a key as `SECRETS__KEYS` takes it: 32 random bytes in URL-safe base64."""
    return Fernet.generate_key().decode()
