"""`osr-hub migrate`: bring the database to the newest schema; safe to repeat and to run twice at once."""

from __future__ import annotations

import asyncio

import typer

from hub.commands.output import print_line
from hub.settings import load
from hub.store.migrations import migrate as bring_to_newest
from hub.store.reasons import in_words

app = typer.Typer()


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema, and print its number."""
    with in_words():
        revision = asyncio.run(bring_to_newest(load().direct_dsn))
    print_line(revision)
