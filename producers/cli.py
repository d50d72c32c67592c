"""`osr-produce`: the relay and the calendar, until SIGTERM. Any number may run; one is active."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from hub.processes.running import run_until_stopped

if TYPE_CHECKING:
    from hub.settings import Settings

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def produce() -> None:
    """Publish mandate changes and what became of deliveries, and raise what dates bring."""
    run_until_stopped([_produce])


async def _produce(settings: Settings, stop: asyncio.Event) -> None:
    from producers import calendar, delivery_changes, relay  # noqa: PLC0415 - loaded when it runs

    async with asyncio.TaskGroup() as tasks:
        for part in (relay, delivery_changes, calendar):
            tasks.create_task(part.run(settings, stop))


def main() -> None:
    """Run the command line."""
    from hub.cli import run_app  # noqa: PLC0415 - one place maps errors to exit codes

    run_app(app)


if __name__ == "__main__":
    main()
