"""Checks the files of certificates and keys that the settings name, and the machine's store of authorities."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

from hub.commands.doctor.finding import Finding, well, wrong

if TYPE_CHECKING:
    from hub.settings import Settings


async def check(settings: Settings) -> list[Finding]:
    """Return a finding per set of certificates in use."""
    return await asyncio.to_thread(_look, settings)


def _look(settings: Settings) -> list[Finding]:
    webhook = settings.webhook
    found = [_authorities()]
    if webhook.client_certfile is not None:
        try:
            ssl.create_default_context(cafile=webhook.client_cafile).load_cert_chain(
                webhook.client_certfile, webhook.client_keyfile, password=""
            )
        except OSError as error:
            found.append(wrong("client certificate", f"it cannot be used: {error}"))
        else:
            found.append(well("client certificate", "can be read, with its key"))
    return found


def _authorities() -> Finding:
    if ssl.create_default_context().get_ca_certs():
        return well("certificate authorities", "this machine has some")
    return wrong("certificate authorities", "this machine has none", "Install its package ca-certificates")
