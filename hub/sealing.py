"""Encrypt secrets before they are stored. In: bytes and the installation's keys. Out: encrypted bytes.

The first key seals; every key opens, so that a key can be replaced while old rows remain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from hub.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import SecretStr


def seal(plain: bytes, keys: Sequence[SecretStr]) -> bytes:
    """Encrypt with the first of `keys`, which holds at least one (`Settings.sealing_keys`)."""
    return _fernet(keys).encrypt(plain)


def unseal(sealed: bytes, keys: Sequence[SecretStr]) -> bytes:
    """Decrypt with the key that fits; raise `ConfigurationError` when none does."""
    try:
        return _fernet(keys).decrypt(sealed)
    except InvalidToken:
        raise ConfigurationError(
            "none of the keys opens a secret that the database holds",
            next_step="Put the key that sealed it back into OSR_HUB_SECRETS__KEYS, after the newest one.",
        ) from None


def is_newest(sealed: bytes, keys: Sequence[SecretStr]) -> bool:
    """Return whether the first of `keys` sealed this."""
    try:
        _fernet(keys[:1]).decrypt(sealed)
    except InvalidToken:
        return False
    return True


def _fernet(keys: Sequence[SecretStr]) -> MultiFernet:
    return MultiFernet([Fernet(key.get_secret_value()) for key in keys])
