"""The hub's own certificates, read at the start. In: the settings. Out: PEM that can be used, or one sentence.

A certificate that has expired stops nothing by itself: most receivers ask for none. It is told to the operator.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from hub.errors import ConfigurationError
from hub.outbound.tls import IdentityUnusable, check_identity, days_left, has_authorities

if TYPE_CHECKING:
    from pathlib import Path

    from hub.settings import Webhook

CERTFILE: Final = "OSR_HUB_WEBHOOK__CLIENT_CERTFILE"
CAFILE: Final = "OSR_HUB_WEBHOOK__CLIENT_CAFILE"
SOON_DAYS: Final = 30
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Certificates:
    """The hub's certificate and key, and more authorities to trust; both PEM."""

    identity: bytes | None = None
    trusted: bytes | None = None


def read_certificates(settings: Webhook) -> Certificates:
    """Read the certificate files that the settings name; raise `ConfigurationError` when one cannot be used.

    So is a machine refused that trusts no authority, where receivers are called by https alone.
    """
    files = [path for path in (settings.client_certfile, settings.client_keyfile) if path is not None]
    identity = b"\n".join(_read(path) for path in files) or None
    trusted = _read(settings.client_cafile) if settings.client_cafile else None
    if identity is not None:
        _check_own(identity)
    if trusted is not None:
        _check_trusted(trusted)
    elif not settings.allowed_networks and not has_authorities():
        raise ConfigurationError(
            "this machine trusts no certificate authority, and receivers are called by https",
            next_step=f"Install its package ca-certificates, or name a file of authorities in {CAFILE}.",
        )
    return Certificates(identity, trusted)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None


def _check_own(identity: bytes) -> None:
    try:
        days = days_left(check_identity(identity))
    except IdentityUnusable as error:
        raise ConfigurationError(
            f"the client certificate in {CERTFILE} cannot be used: {error}",
            next_step="Name a certificate and its key, in PEM and without a password, or neither.",
        ) from None
    if days < SOON_DAYS:
        log.warning("certificate.expires", days=days, next=f"renew {CERTFILE} and start again")


def _check_trusted(trusted: bytes) -> None:
    try:
        ssl.create_default_context().load_verify_locations(cadata=trusted.decode("ascii"))
    except (ssl.SSLError, ValueError):
        raise ConfigurationError(f"{CAFILE} holds no certificates in PEM") from None
