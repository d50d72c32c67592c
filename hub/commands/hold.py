"""`osr-hub hold|release DESTINATION`, `osr-hub cancel ID`: an operator's controls, each with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from hub.commands.database import run_change
from hub.commands.operator import TokenFile, identify_actor
from hub.commands.options import Reason
from hub.commands.output import print_line
from hub.commands.remote import remote_hub
from hub.operations import controls
from hub.operations.controls import NOTIFIED_CHANNELS
from schemas.identifiers import InvalidIdentifier, parse_brin

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection
    from pathlib import Path

    from hub.access import Actor
    from hub.settings import Settings
    from hub.store.pool import Connection

    Button = Callable[[Connection, str, Collection[str] | None, Actor], Awaitable[None]]

app = typer.Typer()
Destination = Annotated[str, typer.Argument(help="Such as duo:rio; `osr-hub lag` names them.")]
Brins = Annotated[list[str] | None, typer.Option("--brin", help="Only this school; may be repeated.")]


@app.command()
def hold(destination: Destination, *, brin: Brins = None, reason: Reason, token_file: TokenFile = None) -> None:
    """Send nothing to a destination, or nothing of some schools, until released."""
    if (remote := remote_hub(token_file)) is not None:
        remote.post("destinations", destination, "hold", brins=brin or None, reason=reason)
    else:
        _apply(controls.hold, destination, brin, reason, token_file)
    print_line(f"{destination} is held{_for(brin)}")


@app.command()
def release(destination: Destination, *, brin: Brins = None, reason: Reason, token_file: TokenFile = None) -> None:
    """Send again, in order."""
    if (remote := remote_hub(token_file)) is not None:
        remote.post("destinations", destination, "release", brins=brin or None, reason=reason)
    else:
        _apply(controls.release, destination, brin, reason, token_file)
    print_line(f"{destination} is released{_for(brin)}")


@app.command()
def cancel(
    delivery_id: Annotated[UUID, typer.Argument(help="The delivery's id.")],
    *,
    reason: Reason,
    token_file: TokenFile = None,
) -> None:
    """Cancel a delivery that waits; its lane goes on without it."""

    async def work(c: Connection, settings: Settings) -> None:
        actor = await identify_actor(settings, token_file, reason)
        await controls.cancel(c, delivery_id, actor, settings.operations.four_eyes_above)

    if (remote := remote_hub(token_file)) is not None:
        remote.post("deliveries", delivery_id, "cancellation", reason=reason)
    else:
        run_change(work, NOTIFIED_CHANNELS)
    print_line(f"delivery {delivery_id} is cancelled")


def _apply(button: Button, destination: str, brins: list[str] | None, reason: str, token_file: Path | None) -> None:
    try:
        schools = None if not brins else [parse_brin(brin) for brin in brins]
    except InvalidIdentifier as fault:
        raise typer.BadParameter(str(fault), param_hint="--brin") from fault

    async def work(c: Connection, settings: Settings) -> None:
        await button(c, destination, schools, await identify_actor(settings, token_file, reason))

    run_change(work, NOTIFIED_CHANNELS)


def _for(brins: list[str] | None) -> str:
    return f" for {', '.join(brins)}" if brins else ""
