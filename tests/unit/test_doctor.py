"""The doctor's frame: checks run side by side, each bounded, and none stops another."""

from __future__ import annotations

import asyncio

from hub.commands.doctor import Check, run_checks
from hub.commands.doctor.finding import Finding, well, wrong
from hub.errors import ConfigurationError
from hub.settings import Settings


async def test_no_check_stops_another() -> None:
    """One that hangs, one that refuses and one that breaks are findings; the others are said all the same."""
    never = asyncio.Event()

    async def hangs(_: Settings) -> list[Finding]:
        await never.wait()
        return []

    async def refuses(_: Settings) -> list[Finding]:
        raise ConfigurationError("no host is named", next_step="Name one.")

    async def breaks(_: Settings) -> list[Finding]:
        return [well("x", str(1 // 0))]

    async def finds(_: Settings) -> list[Finding]:
        return [well("disk", "12 GB"), wrong("clock", "it\nstands", "Wind it")]

    checks: dict[str, Check] = {"hangs": hangs, "refuses": refuses, "breaks": breaks, "finds": finds}

    assert [str(each) for each in await run_checks(Settings(), checks, bound_seconds=0.1)] == [
        "WRONG  hangs: no answer within 0.1 s",
        "WRONG  refuses: no host is named; name one.",
        "WRONG  breaks: it cannot be checked: ZeroDivisionError: integer division or modulo by zero",
        "well   disk: 12 GB",
        "WRONG  clock: it stands; wind it",
    ]


async def test_checks_run_side_by_side() -> None:
    """Two checks that wait for each other both end."""
    both = asyncio.Barrier(2)

    async def meets(_: Settings) -> list[Finding]:
        await both.wait()
        return [well("met", "yes")]

    found = await run_checks(Settings(), {"one": meets, "other": meets}, bound_seconds=30)

    assert [each.is_well for each in found] == [True, True]
