"""`osr-hub keys list|rotate|reseal`: keys that sign messages, and keys that seal what is secret."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from hub.access import COMMAND_LINE, Actor
from hub.clock import now
from hub.commands.database import run_change, run_query
from hub.commands.options import Reason
from hub.commands.output import print_line, print_table
from hub.operations import keys
from hub.store import keys as store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.operations.keys import ResealResult
    from hub.settings import Settings
    from hub.store.keys import PublicKey
    from hub.store.pool import Connection

COLUMNS = ("id", "public key", "made", "signs until")
WORDS = {
    "secret": "secrets of subscriptions",
    "certificate": "client certificates",
    "signing_key": "signing keys",
    "answer": "answers kept for repeated requests",
}
app = typer.Typer(no_args_is_help=True, help="Keys that sign messages, and keys that seal what is secret.")


@app.command("list")
def list_() -> None:
    """List the keys that messages are or were signed with, newest first, as `/v1/keys` publishes them."""

    async def read(c: Connection, _settings: Settings) -> Sequence[PublicKey]:
        return await store.public_keys(c)

    print_table("signing keys", COLUMNS, [_row(key) for key in run_query(read)])


@app.command()
def rotate(
    *,
    reason: Reason,
    grace_hours: Annotated[
        int, typer.Option(min=0, max=24 * 90, help="How long the previous key signs beside the new one.")
    ] = 24 * 7,
) -> None:
    """Make a new signing key; the previous one signs beside it for the grace period."""

    async def work(c: Connection, settings: Settings) -> None:
        pressed = Actor(caller=COMMAND_LINE, at=now(), reason=reason)
        await keys.rotate(c, settings.sealing_keys, timedelta(hours=grace_hours), pressed)

    run_change(work, ("destinations",))
    print_line(f"a new key signs; the one before it signs beside it for {grace_hours} hours")


@app.command()
def reseal(*, reason: Reason) -> None:
    """Seal everything with the first of OSR_HUB_SECRETS__KEYS, so that the others can be removed."""

    async def work(c: Connection, settings: Settings) -> ResealResult:
        return await keys.reseal(c, settings.sealing_keys, Actor(caller=COMMAND_LINE, at=now(), reason=reason))

    result = run_change(work, ("destinations",))
    for kind, n in result.done.items():
        print_line(f"{n} {WORDS[kind]} sealed anew")
    print_line(f"{result.left} were sealed under the newest key already")
    for each in result.unreadable:
        print_line(f"no key opens one of the {WORDS[each.kind]}, of {each.owner}: put the key that sealed it back")
    if result.unreadable:
        raise typer.Exit(1)


def _row(key: PublicKey) -> tuple[str, ...]:
    until = "further notice" if key.retired_at is None else f"{key.retired_at:%Y-%m-%d %H:%M}"
    return key.id, key.text, f"{key.created_at:%Y-%m-%d %H:%M}", until
