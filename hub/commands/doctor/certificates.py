"""Checks the files of certificates and keys that the settings name, and the machine's store of authorities."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hub.commands.doctor.finding import Finding, well, wrong
from hub.errors import ConfigurationError
from hub.outbound.certificates import CERTFILE, SOON_DAYS, read_certificates
from hub.outbound.tls import check_identity, days_left, has_authorities

if TYPE_CHECKING:
    from hub.settings import Settings


async def check(settings: Settings) -> list[Finding]:
    """Return a finding per set of certificates in use."""
    return await asyncio.to_thread(_look, settings)


def _look(settings: Settings) -> list[Finding]:
    found = [_authorities()]
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
    days = days_left(check_identity(identity))
    if days < 0:
        return wrong("client certificate", "it has expired", f"Renew {CERTFILE} and start again")
    if days < SOON_DAYS:
        return wrong("client certificate", f"it expires in {days} days", f"Renew {CERTFILE} and start again")
    return well("client certificate", f"fits its key, and is valid for {days} days")
