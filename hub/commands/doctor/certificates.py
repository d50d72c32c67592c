"""Checks the files of certificates and keys that the settings name, and the machine's store of authorities."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from cryptography import x509

from hub.commands.doctor.finding import Finding, counted, well, wrong
from hub.errors import ConfigurationError
from hub.outbound.certificates import CERTFILE, SOON_DAYS, read_certificates
from hub.outbound.tls import check_identity, days_left, has_authorities

if TYPE_CHECKING:
    from pathlib import Path

    from hub.settings import Settings

KAFKA_CERTFILE: Final = "OSR_HUB_KAFKA__SSL_CERTFILE"
DUO_KAFKA_CERTFILE: Final = "OSR_HUB_DUO_KAFKA__SSL_CERTFILE"


async def check(settings: Settings) -> list[Finding]:
    """Return a finding per set of certificates in use."""
    return await asyncio.to_thread(_look, settings)


def _look(settings: Settings) -> list[Finding]:
    files = {KAFKA_CERTFILE: settings.kafka.ssl_certfile, DUO_KAFKA_CERTFILE: settings.duo_kafka.ssl_certfile}
    if files[DUO_KAFKA_CERTFILE] == files[KAFKA_CERTFILE]:
        del files[DUO_KAFKA_CERTFILE]
    found = [_authorities(), *(_for_kafka(name, path) for name, path in files.items() if path is not None)]
    try:
        certificates = read_certificates(settings.webhook)
    except ConfigurationError as fault:
        return [*found, wrong("certificates for receivers", fault.detail, fault.next_step)]
    if certificates.identity is not None:
        found.append(_client_certificate(certificates.identity))
    return found


def _authorities() -> Finding:
    if has_authorities():
        return well("certificate authorities", "this machine has some")
    return wrong("certificate authorities", "this machine has none", "Install its package ca-certificates")


def _client_certificate(identity: bytes) -> Finding:
    return judge_own("client certificate", days_left(check_identity(identity)), f"Renew {CERTFILE} and start again")


def _for_kafka(name: str, path: Path) -> Finding:
    what = f"client certificate of {name}"
    try:
        days = days_left(x509.load_pem_x509_certificates(path.read_bytes())[0])
    except (OSError, ValueError, IndexError):
        return wrong(what, "it cannot be read", "Name a certificate in PEM")
    return judge_own(what, days, f"Renew {name} and start again")


def judge_own(what: str, days: int, next_step: str) -> Finding:
    """Return for how long a certificate is valid by which the hub is known to others."""
    if days < 0:
        return wrong(what, "it has expired", next_step)
    if days < SOON_DAYS:
        return wrong(what, f"it expires in {counted(days, 'day', 'days')}", next_step)
    return well(what, f"valid for {counted(days, 'day', 'days')}")
