"""`osr-hub migrate`: safe to repeat, and safe side by side."""

from __future__ import annotations

import asyncio

import typer

from hub.commands.output import print_line
from hub.settings import load
from hub.store.migrations import migrate as bring_to_newest

app = typer.Typer()


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema, and say which that is."""
    print_line(asyncio.run(bring_to_newest(load().direct_dsn)))
