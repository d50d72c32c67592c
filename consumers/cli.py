"""`osr-consume [plan] [forward] [reports]`: the consumers, all of them by default, until SIGTERM."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from hub.processes.running import run_until_stopped

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from hub.settings import Settings


class ConsumerStage(StrEnum):
    """What a consumer process can do."""

    PLAN = "plan"
    FORWARD = "forward"
    REPORTS = "reports"


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def consume(
    stages: Annotated[
        list[ConsumerStage] | None, typer.Argument(help="Which consumers; all of them by default.")
    ] = None,
    instance: Annotated[
        str | None, typer.Option(help="A stable name: the consumer group waits for this process when it restarts.")
    ] = None,
) -> None:
    """Plan deliveries, forward them, and read what DUO reports. Any number of these may run."""
    run_until_stopped([_stage(stage, instance) for stage in stages or list(ConsumerStage)])


def _stage(stage: ConsumerStage, instance: str | None) -> Callable[[Settings, asyncio.Event], Awaitable[None]]:
    async def run(settings: Settings, stop: asyncio.Event) -> None:
        match stage:
            case ConsumerStage.PLAN:
                from consumers.planning import planner  # noqa: PLC0415 - each process loads what it runs

                await planner.run(settings, stop, instance)
            case ConsumerStage.FORWARD:
                from consumers.forwarding import forwarder  # noqa: PLC0415

                await forwarder.run(settings, stop)
            case ConsumerStage.REPORTS:
                from consumers.reporting import reader  # noqa: PLC0415

                await reader.run(settings, stop, instance)

    return run


def main() -> None:
    """Run the command line."""
    from hub.cli import run_app  # noqa: PLC0415 - it maps errors to exit codes

    run_app(app)


if __name__ == "__main__":
    main()
