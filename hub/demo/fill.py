"""Fills a new stack's register. In: a file of real schools, and how many mandates. Out: imported rows.

`osr-hub demo` begins with it, and so does `osr-hub up` with `--schools` or `--mandates`. Importing the same files again
changes nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hub.clock import now, today
from hub.demo.schools import DemoPlan, DemoSystem, choose_schools, read_schools, write_mandates, write_systems
from hub.demo.stage import DemoEnvironment
from hub.embedded.options import LAS_OIN
from hub.outbound.reqwest import open_api_client

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from hub.demo.schools import DemoSchools
    from hub.embedded.stack import Stack

SAMPLE: Final = Path(__file__).parent / "samples" / "schools.csv"
HOME: Final = DemoSystem(oin=LAS_OIN, name="Zandloper")
OTHER: Final = DemoSystem(oin="00000099000000002000", name="Kompas")
API_SECONDS: Final = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoScript:
    """The file of schools and how many it has, the schools of the cases, and the plan of the mandates."""

    file: Path
    schools: int
    chosen: DemoSchools
    plan: DemoPlan


@dataclass(frozen=True, kw_only=True, slots=True)
class MandateImport:
    """The number of imported mandates, and when the import began, in seconds of the monotonic clock."""

    mandates: int
    began: float


def plan_demo(file: Path, mandates: int) -> DemoScript:
    """Read the schools and choose some for the cases.

    Raises `NoFittingSchools` when there are too few, `InvalidInput` when it is not a file of schools.
    """
    schools = read_schools(file.read_bytes())
    plan = DemoPlan(home=HOME, other=OTHER, mandates=mandates, today=today(now()))
    return DemoScript(file=file, schools=len(schools), chosen=choose_schools(schools), plan=plan)


async def fill_register(stack: Stack, script: DemoScript, console: Console) -> None:
    """Fill the register of a stack that was just started; `DemoCommandFailed` when a file cannot be imported."""
    async with open_api_client(stack.connection["api"], API_SECONDS) as client:
        await import_register(
            DemoEnvironment(stack=stack, client=client), script, stack.connection["simulators"] and (HOME,), console
        )


async def import_register(
    environment: DemoEnvironment, script: DemoScript, awaited: Iterable[DemoSystem], console: Console
) -> MandateImport:
    """Import schools and systems, wait until those of `awaited` have subscribed, and import mandates."""
    systems, mandates = (environment.stack.data.root / f"demo-{name}.csv" for name in ("systems", "mandates"))
    console.print(f"[bold]Importing[/bold] real schools from {script.file.name}, and mandates that are made up …")
    await environment.done("import", "schools", str(script.file), "--part")
    write_systems(systems, (HOME, OTHER))
    await environment.done("import", "systems", str(systems))
    await environment.subscribed(system.oin for system in awaited)
    count = write_mandates(mandates, script.chosen, script.plan)
    began = time.monotonic()
    if count:
        await environment.done("import", "mandates", str(mandates))
    return MandateImport(mandates=count, began=began)
