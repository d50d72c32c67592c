"""Checks that the published keys of the token issuer can be fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.access.issuer import IssuerKeys
from hub.commands.doctor.finding import Finding, well

if TYPE_CHECKING:
    from hub.settings import Settings


async def check(settings: Settings) -> list[Finding]:
    """Return one finding; none where tokens come from a development key."""
    auth = settings.auth
    if auth.issuer is None:
        return []
    keys = await IssuerKeys(auth.issuer, auth.jwks_url).find(None)
    return [well("token issuer", f"{auth.issuer} publishes {len(keys.keys)} keys")]
