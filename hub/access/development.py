"""Tokens for development. In: a key file and a caller. Out: a signed token that this hub accepts."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from hub.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from hub.access.caller import Caller

ISSUER: Final = "osr-hub-development"
ALGORITHM: Final = "ES256"
A_DAY: Final = timedelta(hours=24)


def ensure_keyfile(path: Path) -> None:
    """Create the key file, readable by its owner only, unless it exists; of two concurrent calls one creates it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM, "kid": os.urandom(8).hex()})
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(key.as_dict(private=True), file)
    try:
        os.link(draft, path)
    except FileExistsError:
        _read(path)
    finally:
        draft.unlink()


def issue(
    keyfile: Path, caller: Caller, *, now: datetime, lifetime: timedelta = A_DAY, audience: str = "osr-hub"
) -> str:
    """Return a signed token for this caller."""
    key = _read(keyfile)
    times = {"iat": int(now.timestamp()), "nbf": int(now.timestamp()), "exp": int((now + lifetime).timestamp())}
    claims = {"iss": ISSUER, "aud": audience, **times, **caller.claims()}
    return jwt.encode({"alg": ALGORITHM, "typ": "JWT", "kid": key.kid}, claims, key)


def public_keys(keyfile: Path) -> tuple[ECKey, ...]:
    """Return the keys that verify tokens of this key file."""
    return (_read(keyfile),)


def _read(keyfile: Path) -> ECKey:
    try:
        return ECKey.import_key(json.loads(keyfile.read_text()))
    except (OSError, ValueError, JoseError) as error:
        raise ConfigurationError(
            f"the development key file {keyfile} cannot be used: {error}",
            next_step="Name another in OSR_HUB_AUTH__DEVELOPMENT_KEYFILE, or remove it and let `osr-hub up` make it.",
        ) from error
