"""`osr-hub demo`: the whole flow on real schools, from an empty machine to a checked ledger; then everything stops.

Exit codes: 0 as expected, 1 not as expected or late, 2 cannot run here.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from pyreqwest.exceptions import PyreqwestError

from hub.commands.output import demo_console, print_line
from hub.commands.up import DataFolder, Port, SchoolFile, WithoutSimulators
from hub.demo.fill import SAMPLE, plan_demo
from hub.demo.play import run_demo
from hub.demo.stage import DemoCommandFailed
from hub.demo.watch import NotSettled
from hub.embedded.options import StackOptions, read_caller_settings
from hub.embedded.paths import DataDir, default_data_dir
from hub.embedded.up import on_stop_signals
from hub.errors import ConfigurationError
from hub.settings import Log, LogLevel, load
from hub.simulators.hub import HubApiError
from hub.telemetry import set_up_logging

if TYPE_CHECKING:
    from rich.console import Console

    from hub.demo.fill import DemoScript

MANDATES: Final = 2900
FAILED: Final = 1
TERMINATED: Final = 143

app = typer.Typer(add_completion=False)


@app.command()
def demo(
    *,
    data_dir: DataFolder = None,
    port: Port = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what an earlier stack left in that folder.")] = False,
    schools: SchoolFile = None,
    mandates: Annotated[int, typer.Option(min=1, help="How many mandates to import.")] = MANDATES,
    without_simulators: WithoutSimulators = False,
) -> None:
    """Import real schools, change mandates, and watch DUO and two systems, all simulated, process them."""
    load()
    set_up_logging(Log(level=LogLevel.WARNING))
    options = StackOptions(
        data_dir=empty_folder(data_dir, "demo", is_fresh=fresh),
        port=port,
        fresh=True,
        with_simulators=not without_simulators,
        caller=read_caller_settings(),
    )
    sys.exit(_run(options, plan_demo(schools or SAMPLE, mandates)))


def empty_folder(folder: Path | None, name: str, *, is_fresh: bool) -> Path:
    """Return the command's own folder, of this name, or the given one, which must be empty or may be emptied."""
    if folder is None:
        return default_data_dir().with_name(name)
    if DataDir(folder).postgres.exists() and not is_fresh:
        raise ConfigurationError(
            f"in {folder} an earlier stack has left its register", next_step="Give --fresh to begin anew there."
        )
    return folder


def _run(options: StackOptions, script: DemoScript) -> int:
    try:
        return 0 if asyncio.run(_play(options, script, demo_console())) else FAILED
    except asyncio.CancelledError:
        return TERMINATED
    except (NotSettled, HubApiError, PyreqwestError) as fault:
        print_line(f"osr-hub: {fault}", is_error=True)
        return FAILED
    except DemoCommandFailed as said:
        print_line(f"osr-hub: {said}", is_error=True)
        return said.code


async def _play(options: StackOptions, script: DemoScript, console: Console) -> bool:
    """Play the demo; SIGTERM ends it with all its processes."""
    playing = asyncio.create_task(run_demo(options, script, console))
    on_stop_signals(playing.cancel, signal.SIGTERM)
    return await playing
