"""Certificates for calls to receivers. In: PEM, and this machine's store of authorities. Out: contexts for TLS.

What is wrong with a certificate and key of ours is told in a sentence before anything is sent with them.
"""

from __future__ import annotations

import os
import ssl
from collections import OrderedDict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

CONTEXTS: Final = 32
STORES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where distributions keep the authorities that they trust, besides what OpenSSL was built to read."""


class IdentityUnusable(ValueError):  # noqa: N818 - named as the claim it makes
    """A certificate and its key cannot be used together; the message says why."""


def check_identity(pem: bytes) -> x509.Certificate:
    """Return the certificate of a PEM that holds it and its key; raise `IdentityUnusable` where they do not fit."""
    try:
        certificate = x509.load_pem_x509_certificates(pem)[0]
    except (ValueError, IndexError):
        raise IdentityUnusable("it holds no certificate in PEM") from None
    try:
        key = load_pem_private_key(_private_part(pem), password=None)
    except TypeError:
        raise IdentityUnusable(
            "its key has a password: write the key without one, `openssl pkey -in KEY -out KEY-WITHOUT-PASSWORD`"
        ) from None
    except ValueError:
        raise IdentityUnusable("it holds no private key in PEM that can be read") from None
    if _raw(key.public_key()) != _raw(certificate.public_key()):
        raise IdentityUnusable("the certificate and the key do not belong together")
    return certificate


def days_left(certificate: x509.Certificate, now: datetime | None = None) -> int:
    """Return for how many whole days a certificate is valid; below 0 when it is not any more."""
    return (certificate.not_valid_after_utc - (now or datetime.now(UTC))).days


def has_authorities() -> bool:
    """Return whether this machine trusts any certificate authority."""
    return bool(_system_context().cert_store_stats()["x509_ca"]) or _has_folder()


class TlsContexts:
    """Contexts by identity: that of the hub for all, and those that receivers gave, the least recently used go."""

    def __init__(self, trusted: bytes | None) -> None:
        self._trusted = trusted
        self._contexts: OrderedDict[bytes | None, ssl.SSLContext] = OrderedDict()

    def __len__(self) -> int:
        return len(self._contexts)

    def get(self, identity: bytes | None) -> ssl.SSLContext:
        """Return the context of an identity (PEM), or of none; raise `IdentityUnusable` when it cannot be used."""
        context = self._contexts.get(identity)
        if context is None:
            context = self._contexts[identity] = _make_context(identity, self._trusted)
            if len(self._contexts) > CONTEXTS:
                self._contexts.popitem(last=False)
        else:
            self._contexts.move_to_end(identity)
        return context


def _make_context(identity: bytes | None, trusted: bytes | None) -> ssl.SSLContext:
    context = _system_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # an authority that an operator names need not be a root
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # newer Pythons refuse what authorities of organisations issue
    context.set_alpn_protocols(["http/1.1"])
    if trusted is not None:
        context.load_verify_locations(cadata=trusted.decode("ascii", errors="replace"))
    if identity is not None:
        check_identity(identity)
        _load_identity(context, identity)
    return context


def _system_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"] and not _has_folder():
        for store in STORES:
            if Path(store).is_file() and "SSL_CERT_FILE" not in os.environ:
                context.load_verify_locations(store)
                break
    return context


def _has_folder() -> bool:
    folder = ssl.get_default_verify_paths().capath
    return folder is not None and any(Path(folder).glob("*.0"))


def _load_identity(context: ssl.SSLContext, pem: bytes) -> None:
    """Load a certificate and key from memory: OpenSSL reads files only, and no key is written to a disk."""
    with os.fdopen(os.memfd_create("identity"), "wb") as file:
        file.write(pem)
        file.flush()
        try:
            context.load_cert_chain(f"/proc/self/fd/{file.fileno()}", password=b"")
        except ssl.SSLError as error:
            raise IdentityUnusable(f"TLS cannot use it: {error.reason}") from None


def _private_part(pem: bytes) -> bytes:
    begin = pem.find(b"PRIVATE KEY-----")
    return pem[max(0, pem.rfind(b"-----BEGIN ", 0, begin)) :] if begin >= 0 else b""


def _raw(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
