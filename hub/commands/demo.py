"""`osr-hub demo`: the whole story on real schools, from an empty machine to right books, and everything stopped again.

Exit codes: 0 all came out as it must, 1 it did not or something is late, 2 it cannot run here.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from pyreqwest.exceptions import PyreqwestError
from rich.console import Console

from hub.commands.up import DataFolder, Port, SchoolFile, WithoutSimulators
from hub.embedded.demo.fill import SAMPLE, write_script
from hub.embedded.demo.play import play
from hub.embedded.demo.stage import CommandSaidNo
from hub.embedded.demo.watch import Late
from hub.embedded.places import DataDir, default_data_dir
from hub.embedded.simulate_hub import HubSaidNo
from hub.embedded.wish import Wish, callers_settings
from hub.errors import ConfigurationError
from hub.settings import Log, LogLevel
from hub.telemetry import set_up_logging

if TYPE_CHECKING:
    from hub.embedded.demo.fill import Script

MANDATES: Final = 2900
WIDE: Final = 160
NO: Final = 1
STOPPED: Final = 143

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
    set_up_logging(Log(level=LogLevel.WARNING))
    wish = Wish(
        data_dir=_empty(data_dir, is_fresh=fresh),
        port=port,
        fresh=True,
        with_simulators=not without_simulators,
        caller=callers_settings(),
    )
    sys.exit(_run(wish, write_script(schools or SAMPLE, mandates)))


def _empty(folder: Path | None, *, is_fresh: bool) -> Path:
    """Return the folder to play in: one of the demo's own, or the one given, which must be empty or may be emptied."""
    if folder is None:
        return default_data_dir().with_name("demo")
    if DataDir(folder).postgres.exists() and not is_fresh:
        raise ConfigurationError(
            f"in {folder} an earlier stack has left its register", next_step="Give --fresh to begin anew there."
        )
    return folder


def _run(wish: Wish, script: Script) -> int:
    console = Console(soft_wrap=False)
    if not console.is_terminal:
        console = Console(width=WIDE)
    try:
        return 0 if asyncio.run(_play(wish, script, console)) else NO
    except asyncio.CancelledError:
        return STOPPED
    except (Late, HubSaidNo, PyreqwestError) as fault:
        typer.echo(f"osr-hub: {fault}", err=True)
        return NO
    except CommandSaidNo as said:
        typer.echo(f"osr-hub: {said}", err=True)
        return said.code


async def _play(wish: Wish, script: Script, console: Console) -> bool:
    """Play, and end everything when told to stop."""
    playing = asyncio.create_task(play(wish, script, console))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, playing.cancel)
    return await playing
