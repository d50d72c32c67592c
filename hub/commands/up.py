"""`osr-hub up`: the whole stack on this machine, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands.output import demo_console, print_line
from hub.demo.fill import SAMPLE, fill_register, plan_demo
from hub.embedded.options import StackOptions, read_caller_settings
from hub.embedded.paths import default_data_dir
from hub.embedded.up import run_stack
from hub.settings import load
from hub.telemetry.logs import set_up_logging

if TYPE_CHECKING:
    from hub.embedded.stack import Stack

DataFolder = Annotated[
    Path | None,
    typer.Option(file_okay=False, help="Where databases, keys and logs lie; one of this user's own by default."),
]
Port = Annotated[
    int | None, typer.Option(min=1, max=65535, help="Where the API answers; 8080 or a free one by default.")
]
SchoolFile = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="DUO's open-data file of schools; by default a sample of it."),
]
WithoutSimulators = Annotated[bool, typer.Option("--without-simulators", help="Without the simulated DUO and LAS.")]

app = typer.Typer(add_completion=False)


@app.command()
def up(
    *,
    data_dir: DataFolder = None,
    port: Port = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what an earlier stack left in the folder.")] = False,
    schools: SchoolFile = None,
    mandates: Annotated[int, typer.Option(min=0, help="How many mandates to make up and import.")] = 0,
    without_simulators: WithoutSimulators = False,
) -> None:
    """Start PostgreSQL, Kafka, the hub and its simulated neighbours, and keep them running."""
    set_up_logging(load().log)
    options = StackOptions(
        data_dir=data_dir or default_data_dir(),
        port=port,
        fresh=fresh,
        with_simulators=not without_simulators,
        caller=read_caller_settings(),
    )
    is_filled = schools is not None or mandates > 0
    script = plan_demo(schools or SAMPLE, mandates) if is_filled else None

    async def ready(stack: Stack) -> None:
        if script is not None:
            await fill_register(stack, script, demo_console())
        print_addresses(stack)

    asyncio.run(run_stack(options, ready))


def print_addresses(stack: Stack) -> None:
    """Print how to reach everything, and READY at the end."""
    found = stack.connection
    lines = {
        "console": found["console"],
        "API": found["api"],
        "metrics": found["metrics"],
        "Kafka": found["kafkaBootstrapServers"],
        "data": str(stack.data.root),
        "PostgreSQL": "databaseDsn in connection.json",
        "logs": f"{stack.data.logs} (one per process)",
        "simulators": ", ".join(f"{who} at {about['url']}" for who, about in found["simulators"].items()) or "none",
        "stop": "Ctrl-C",
    }
    for what, where in lines.items():
        print_line(f"{what:<11} {where}")
    print_line(f"READY {stack.data.connection}")
