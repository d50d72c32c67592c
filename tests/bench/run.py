"""Runs scenarios one after the other. In: their names. Out: an outcome of each; one that fails stops no other."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.bench.catalogue import LONG, OURS, RIVALS, SCENARIOS, TAKEN
from tests.bench.figures import Figure, Outcome
from tests.bench.world import open_world

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from tests.bench.catalogue import Scenario
    from tests.bench.world import World

SCENARIO_SECONDS: Final = 240.0
LONG_SECONDS: Final = 3600.0
SHOWN_SETTINGS: Final = ("server_version", "fsync", "synchronous_commit", "shared_buffers")


async def run(names: Sequence[str], console: Console) -> tuple[list[Outcome], dict[str, str]]:
    """Run the scenarios on one stack; return their outcomes, and what the servers are."""
    folder = Path("/var/tmp") / f"osr-hub-bench-{os.getpid()}"  # noqa: S108 - a disk; `/tmp` may be memory
    async with open_world(folder) as world:
        outcomes = []
        for name in names:
            scenario = (SCENARIOS | LONG)[name]
            console.print(f"[bold]{name}[/bold]: {(scenario.__doc__ or '').strip()}")
            outcomes.append(await _attempt(name, scenario, world))
            console.print(f"  {outcomes[-1].error or 'measured'}, {outcomes[-1].seconds:.0f} s")
        servers = await _servers(world)
    return [*outcomes, *compare_rivals(outcomes)], servers


def compare_rivals(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the ratios of the hub to those who did the same job, where both were measured."""
    rates = {(one.scenario, figure.what): figure.value for one in outcomes for figure in one.figures}
    ours = rates.get(OURS)
    ratios = [
        Figure(what=f"the hub's rate to that of {name}", value=ours / rates[name, TAKEN], unit="x", better="higher")
        for name in RIVALS
        if ours and rates.get((name, TAKEN))
    ]
    return [Outcome(scenario="ratios", figures=ratios, error=None, seconds=0.0)] if ratios else []


async def _attempt(name: str, scenario: Scenario, world: World) -> Outcome:
    began = time.monotonic()
    figures: Sequence[Figure] = ()
    error = None
    try:
        async with asyncio.timeout(LONG_SECONDS if name in LONG else SCENARIO_SECONDS):
            figures = await scenario(world)
    except Exception as fault:  # noqa: BLE001 - it is shown, and the others go on
        error = f"{type(fault).__name__}: {fault}"
    try:
        await world.end_others()
    except Exception as fault:  # noqa: BLE001 - as above
        error = error or f"{type(fault).__name__}: {fault}"
    return Outcome(scenario=name, figures=figures, error=error, seconds=time.monotonic() - began)


async def _servers(world: World) -> dict[str, str]:
    rows = await world.c.fetch("select name, setting from pg_settings where name = any($1)", list(SHOWN_SETTINGS))
    return {f"PostgreSQL {row['name']}": row["setting"] for row in rows}
