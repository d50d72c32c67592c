"""Fills a new stack's register. In: a file of real schools, and how many mandates. Out: imported rows.

`osr-hub demo` begins with it, and `osr-hub up` when it is asked to. The same files can be imported again: what is there
is left as it is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pyreqwest.client import ClientBuilder

from hub.clock import now, today
from hub.embedded.demo.schools import Plan, System, choose_cast, read_schools, write_mandates, write_systems
from hub.embedded.demo.stage import Stage
from hub.embedded.wish import LAS_OIN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from hub.embedded.demo.schools import Cast
    from hub.embedded.stack import Stack

SAMPLE: Final = Path(__file__).parents[1] / "samples" / "schools.csv"
HOME: Final = System(oin=LAS_OIN, name="Zandloper")
OTHER: Final = System(oin="00000099000000002000", name="Kompas")
API_SECONDS: Final = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """What is played: the file of schools and how many it has, the cast, and the plan behind the mandates."""

    file: Path
    schools: int
    cast: Cast
    plan: Plan


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    """How many mandates were imported, and when that began, in seconds of the monotonic clock."""

    mandates: int
    began: float


def write_script(file: Path, mandates: int) -> Script:
    """Read the schools and cast them; `NoCast` when there are too few, `InvalidInput` when it is no such file."""
    schools = read_schools(file.read_bytes())
    plan = Plan(home=HOME, other=OTHER, mandates=mandates, today=today(now()))
    return Script(file=file, schools=len(schools), cast=choose_cast(schools), plan=plan)


async def furnish(stack: Stack, script: Script, console: Console) -> None:
    """Fill the register of a stack that was just started; `CommandSaidNo` when a file cannot be imported."""
    async with ClientBuilder().timeout(API_SECONDS).no_proxy().build() as client:
        await fill(Stage(stack=stack, client=client), script, stack.connection["simulators"] and (HOME,), console)


async def fill(stage: Stage, script: Script, awaited: Iterable[System], console: Console) -> Import:
    """Import schools and systems, wait until those of `awaited` have subscribed, and import mandates."""
    systems, mandates = (stage.stack.data.root / f"demo-{name}.csv" for name in ("systems", "mandates"))
    console.print(f"[bold]Importing[/bold] real schools from {script.file.name}, and mandates that are made up …")
    await stage.done("import", "schools", str(script.file), "--part")
    write_systems(systems, (HOME, OTHER))
    await stage.done("import", "systems", str(systems))
    await stage.subscribed(system.oin for system in awaited)
    count = write_mandates(mandates, script.cast, script.plan)
    began = time.monotonic()
    if count:
        await stage.done("import", "mandates", str(mandates))
    return Import(mandates=count, began=began)
