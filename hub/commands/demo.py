"""`osr-hub demo`: the whole flow on real schools, from an empty machine to a checked ledger; then everything stops.

Exit codes: 0 as expected, 1 not as expected or late, 2 cannot run here.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from hub.commands.output import demo_console
from hub.commands.stack_run import run_play
from hub.commands.up import DataFolder, Port, SchoolFile, WithoutSimulators
from hub.demo.fill import SAMPLE, plan_demo
from hub.demo.play import run_demo
from hub.embedded.options import StackOptions, read_caller_settings
from hub.embedded.paths import DataDir, default_data_dir
from hub.errors import ConfigurationError
from hub.settings import Log, LogLevel, load
from hub.telemetry.logs import set_up_logging

MANDATES: Final = 2900

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
    sys.exit(run_play(run_demo(options, plan_demo(schools or SAMPLE, mandates), demo_console())))


def empty_folder(folder: Path | None, name: str, *, is_fresh: bool) -> Path:
    """Return the command's own folder, of this name, or the given one, which must be empty or may be emptied."""
    if folder is None:
        return default_data_dir().with_name(name)
    if DataDir(folder).postgres.exists() and not is_fresh:
        raise ConfigurationError(
            f"in {folder} an earlier stack has left its register", next_step="Give --fresh to begin anew there."
        )
    return folder
