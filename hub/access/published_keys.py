"""The keys that an issuer publishes, and those that fit a token. In: a key set. Out: public keys, taken one by one.

One key that cannot be used costs itself only: it is skipped, and the others count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey
from joserfc.registry import JWS_HEADER_REGISTRY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from joserfc.jws import CompactSignature

PublicKey: TypeAlias = RSAKey | ECKey | OKPKey

ALGORITHMS: Final = (
    "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "Ed25519", "EdDSA",
)  # fmt: skip
MAX_KEYS: Final = 50
RSA_BITS: Final = range(2048, 8192 + 1)
_CURVES: Final = frozenset({"P-256", "P-384", "P-521", "Ed25519"})
_EDDSA: Final = {"EdDSA": "Ed25519"}
"""The older name of an algorithm, and the one by which the library knows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedKeys:
    """The usable keys of an issuer, and a sentence for each key that was skipped."""

    usable: tuple[PublicKey, ...]
    skipped: tuple[str, ...]


class _Registry(jws.JWSRegistry):
    """What is read of a header: header parameters that mean nothing here are ignored, as RFC 7515 asks."""

    default_header_registry = {name: JWS_HEADER_REGISTRY[name] for name in ("alg", "kid", "typ")}  # noqa: RUF012 - the library's
    max_header_length = 8192
    max_signature_length = 2048

    def get_alg(self, name: str) -> Any:  # noqa: ANN401 - the library does not export its type
        return super().get_alg(_EDDSA.get(name, name))


REGISTRY: Final = _Registry(algorithms=ALGORITHMS, strict_check_header=False)


def read_keys(published: object) -> PublishedKeys:
    """Return the usable keys of a key set; raise `ValueError` when it has none."""
    given = published.get("keys") if isinstance(published, dict) else None
    listed = given if isinstance(given, list) else []
    usable, skipped = [], []
    for position, each in enumerate(listed[:MAX_KEYS]):
        if isinstance(each, dict) and each.get("use", "sig") != "sig":
            continue
        try:
            usable.append(_read(each))
        except Exception as error:  # noqa: BLE001 - the library raises what comes, KeyError and AttributeError too
            skipped.append(f"{_name(position, each)}: {type(error).__name__}: {str(error)[:200]}")
    if len(listed) > MAX_KEYS:
        skipped.append(f"{len(listed) - MAX_KEYS} more: only the first {MAX_KEYS} are read")
    if not usable:
        raise ValueError(f"none of its {len(listed)} keys can be used; {'; '.join(skipped) or 'it publishes none'}")
    return PublishedKeys(usable=tuple(usable), skipped=tuple(skipped))


def fitting(keys: Sequence[PublicKey], header: Mapping[str, Any]) -> list[PublicKey]:
    """Return the keys that may have signed a token with this header.

    Those of its key id, or else those without one; all where the token names none. Their type must be the algorithm's.
    """
    kid = header.get("kid")
    named = keys if kid is None else [key for key in keys if key.kid == kid] or [key for key in keys if key.kid is None]
    return [key for key in named if _fits(key, str(header.get("alg")))]


def is_signed_by(token: CompactSignature, key: PublicKey) -> bool:
    """Return whether this key signed a token."""
    return jws.validate_compact(token, key, registry=REGISTRY)


def _fits(key: PublicKey, algorithm: str) -> bool:
    try:
        REGISTRY.get_alg(algorithm).check_key(key)
    except JoseError:
        return False
    return True


def _name(position: int, given: object) -> str:
    kid = given.get("kid") if isinstance(given, dict) else None
    return f"key {position + 1}" if kid is None else f"key {position + 1} ({str(kid)[:100]})"


def _read(given: object) -> PublicKey:
    """Return a key that can verify; raise whatever is wrong with it."""
    if not isinstance(given, dict):
        raise TypeError("it is not an object")
    named = {"alg": _EDDSA.get(given["alg"], given["alg"])} if isinstance(given.get("alg"), str) else {}
    key = JWKRegistry.import_key(given | named)
    if not isinstance(key, RSAKey | ECKey | OKPKey) or key.is_private:
        raise ValueError("only the public half of a key may be published")
    if isinstance(key, RSAKey):
        if key.raw_value.key_size not in RSA_BITS:
            raise ValueError(f"an RSA key has {RSA_BITS.start} to {RSA_BITS.stop - 1} bits")
    elif key.curve_name not in _CURVES:
        raise ValueError(f"no algorithm here uses the curve {key.curve_name}")
    key.get_op_key("verify")
    return key
