"""`osr-hub doctor`: check this installation. Exit code 1 when something is wrong.

In: the settings. Out: a line per finding. Each kind of check is a module with a function `check(settings)` that returns
findings, and has a line in `CHECKS`. All run side by side, each with a bound, and none stops another. To add a check,
add a finding to the module of its kind, or a module and its line in the table.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

import typer

from hub.commands.doctor import (
    broker,
    certificates,
    database,
    environment,
    issuer,
    own_settings,
    processes,
    published_log,
    reach,
    receivers,
    refused_events,
    sealed_secrets,
    way_out,
)
from hub.commands.doctor.finding import Finding, wrong
from hub.commands.output import print_line
from hub.errors import ConfigurationError, HubError
from hub.settings import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.settings import Settings

Check: TypeAlias = Callable[["Settings"], Awaitable[list[Finding]]]
CHECKS: Final[Mapping[str, Check]] = {
    "settings": own_settings.check,
    "environment": environment.check,
    "certificates": certificates.check,
    "way out": way_out.check,
    "database": database.check,
    "processes": processes.check,
    "receivers": receivers.check,
    "ways to receivers": reach.check,
    "sealed secrets": sealed_secrets.check,
    "Kafka": broker.check_ours,
    "DUO's Kafka": broker.check_duos,
    "published log": published_log.check,
    "refused events": refused_events.check,
    "token issuer": issuer.check,
}
BOUND_SECONDS: Final = 20.0
app = typer.Typer()


@app.command()
def doctor() -> None:
    """Check settings, environment, database, Kafka, processes, receivers and token issuer."""
    findings = asyncio.run(_look())
    for each in findings:
        print_line(each)
    if not all(each.is_well for each in findings):
        raise typer.Exit(1)


async def _look() -> list[Finding]:
    try:
        settings = load()
    except ConfigurationError as fault:
        return [wrong("settings", fault.detail, fault.next_step)]
    return await run_checks(settings, CHECKS)


async def run_checks(
    settings: Settings, checks: Mapping[str, Check], bound_seconds: float = BOUND_SECONDS
) -> list[Finding]:
    """Run all checks side by side and return their findings in the order of the table."""
    found: Sequence[list[Finding]] = await asyncio.gather(
        *(_run_one(what, check, settings, bound_seconds) for what, check in checks.items())
    )
    return [finding for findings in found for finding in findings]


async def _run_one(what: str, check: Check, settings: Settings, bound_seconds: float) -> list[Finding]:
    try:
        async with asyncio.timeout(bound_seconds):
            return await check(settings)
    except TimeoutError:
        return [wrong(what, f"no answer within {bound_seconds:g} s")]
    except HubError as fault:
        return [wrong(what, fault.detail, fault.next_step)]
    except Exception as error:  # noqa: BLE001 - the other findings are needed most when something is odd
        return [wrong(what, f"it cannot be checked: {type(error).__name__}: {error}")]
