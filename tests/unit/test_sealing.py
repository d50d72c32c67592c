"""Sealing: what is stored says nothing, and a key can be replaced."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from hub.errors import ConfigurationError
from hub.sealing import seal, unseal
from tests.support.sealing_keys import new_key

OLD, NEW = SecretStr(new_key()), SecretStr(new_key())


def test_what_is_sealed_can_be_opened_and_says_nothing() -> None:
    """The same key opens it; sealed twice it looks different."""
    sealed = seal(b"whsec_hush", [NEW])

    assert unseal(sealed, [NEW]) == b"whsec_hush"
    assert b"hush" not in sealed
    assert sealed != seal(b"whsec_hush", [NEW])


def test_a_key_can_be_replaced() -> None:
    """The first key seals, the ones behind it still open what they sealed."""
    assert unseal(seal(b"plain", [OLD]), [NEW, OLD]) == b"plain"
    with pytest.raises(ConfigurationError, match="none of the keys"):
        unseal(seal(b"plain", [NEW, OLD]), [OLD])
