"""Checks that the published keys of the token issuer can be fetched, which of them count, and the issuer's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.access.issuer import FETCH_ERRORS, fetch_keys, read_clock
from hub.commands.doctor.clocks import judge_clock
from hub.commands.doctor.finding import Finding, counted, well, wrong

if TYPE_CHECKING:
    from hub.settings import Settings

WHAT = "token issuer"
MAX_SKEW_SECONDS: Final = 5.0
"""Its tokens are refused when it is a minute ahead."""


async def check(settings: Settings) -> list[Finding]:
    """Return findings about the issuer; none where tokens come from a development key."""
    auth = settings.auth
    if auth.issuer is None:
        return []
    try:
        found = await fetch_keys(auth.issuer, auth.jwks_url)
        ahead = await read_clock(auth.issuer, auth.jwks_url)
    except FETCH_ERRORS as error:
        said = f"the keys of {auth.issuer} cannot be fetched: {error}"
        next_step = (
            "Check OSR_HUB_AUTH__ISSUER (or OSR_HUB_AUTH__JWKS_URL) and the network; `serve` refuses all tokens."
        )
        return [wrong(WHAT, said, next_step)]
    findings = [
        well(WHAT, f"{auth.issuer} publishes {counted(len(found.usable), 'key', 'keys')} that can be used"),
        judge_clock("the token issuer", ahead, MAX_SKEW_SECONDS),
    ]
    if found.skipped:
        said = f"keys that cannot be used are skipped: {'; '.join(found.skipped)}"
        findings.append(wrong(WHAT, said, "Ask the issuer to repair or remove them; tokens they sign are refused."))
    return findings
